"""Which pages may talk to the live channel; tests/torture/strangers.py asks a real server."""

import pytest
from starlette.datastructures import Headers

from explorer import origins


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:8501", "host": "LOCALHOST:8501"},
        {"origin": "https://example.org", "host": "example.org:443"},
        {"origin": "https://example.org", "host": "inner:8501", "x-forwarded-host": "example.org"},
        {"origin": "http://[::1]:8501", "host": "[::1]:8501"},
    ],
)
def test_this_host(headers: dict[str, str]) -> None:
    assert origins.refusal(Headers(headers)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:8501"},
        {"origin": "null", "host": "null"},
        {"origin": "file://localhost", "host": "localhost"},
        {"origin": "http://localhost", "host": "localhost:8501"},
        {"origin": "http://evil.example#localhost", "host": "localhost"},
        {"origin": "http://a@localhost", "host": "localhost"},
        {"origin": "http://[", "host": "["},
        {"origin": "http://localhost"},
        {"origin": "http://" + "x" * 9999, "host": "y" * 9999},
    ],
)
def test_another_host(headers: dict[str, str]) -> None:
    reason = origins.refusal(Headers(headers))
    assert reason and "is not this host" in reason and len(reason) < 400


def test_two_origins_are_none() -> None:
    raw = [(b"host", b"a"), (b"origin", b"http://a"), (b"origin", b"http://a")]
    assert origins.refusal(Headers(raw=raw))
