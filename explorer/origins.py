"""Which pages may talk to the live channel: those that this server itself handed out.

A browser lets any page open a socket to any host, and tells the host which page it was; that
Origin must be the address under which the server was reached. A script cannot set X-Forwarded-Host,
so believing a proxy's costs nothing.
"""

from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers

DEFAULT_PORTS = {"http": 80, "https": 443}


class _Address(NamedTuple):
    host: str
    port: int


def refusal(headers: Headers) -> str | None:
    """A sentence when the page that asks is not this server's; None when it is."""
    told = headers.getlist("origin")
    hosts = headers.getlist("host")
    # The first of several proxies says what the browser asked for.
    hosts += [value.partition(",")[0].strip() for value in headers.getlist("x-forwarded-host")]
    scheme, _, rest = told[0].partition("://") if len(told) == 1 else ("", "", "")
    origin = _address(rest, scheme)
    if origin is not None and origin in [_address(host, scheme) for host in hosts]:
        return None
    page, here = ", ".join(told)[:100] or "(none)", ", ".join(hosts)[:100]
    return (
        f"The origin {page} is not this host, {here}. A proxy must pass on the Host header, or "
        "tell X-Forwarded-Host."
    )


def _address(text: str, scheme: str) -> _Address | None:
    """host[:port] as a browser writes it; None for whatever else."""
    if scheme not in DEFAULT_PORTS or not text or set(text) & set("/\\?#@ \t"):
        return None
    try:
        parts = urlsplit(f"//{text}")
        port = DEFAULT_PORTS[scheme] if parts.port is None else parts.port
    except ValueError:  # brackets that do not close, a port that is none
        return None
    host = (parts.hostname or "").removesuffix(".")  # lower case, without brackets
    return _Address(host, port) if host else None
