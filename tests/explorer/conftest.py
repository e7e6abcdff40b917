"""What the tests of panels share."""

import pytest

from explorer import catalogue


@pytest.fixture(autouse=True)
def known_model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages open with the tutorial network, whose 20 dimensions the tests know by heart."""
    if "default_model" not in request.keywords:
        monkeypatch.setattr(catalogue, "DEFAULT_CHECKPOINT", "mnist-mlp-20")
