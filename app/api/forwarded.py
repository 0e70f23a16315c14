"""Who really calls, when a proxy stands in between.

A proxy says in `X-Forwarded-For` and `X-Forwarded-Proto` whom it speaks for, and anybody can write
these headers. So they count only if the peer is a configured proxy (Werkzeug's `ProxyFix` counts
hops and never looks at the peer), and nothing behind this piece sees them.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_HEADERS = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
)


class Forwarded:
    """WSGI middleware: sets `REMOTE_ADDR` and `wsgi.url_scheme` to those of the client.

    Args:
        app: the rest; stand outside of Socket.IO as well.
        proxies: networks whose word counts.
    """

    def __init__(self, app: Any, proxies: Iterable[Network]) -> None:
        self._app = app
        self._proxies = tuple(proxies)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """See PEP 3333."""
        said = {name: environ.pop(name, "") for name in _HEADERS}
        peer = parse(environ.get("REMOTE_ADDR", ""))
        if peer is not None and self._is_proxy(peer):
            environ["REMOTE_ADDR"] = str(self._client(peer, said["HTTP_X_FORWARDED_FOR"]))
            # The last word is that of the nearest proxy.
            scheme = said["HTTP_X_FORWARDED_PROTO"].rpartition(",")[2].strip().lower()
            if scheme in {"http", "https"}:
                environ["wsgi.url_scheme"] = scheme
        return self._app(environ, start_response)

    def _client(self, peer: Address, hops: str) -> Address:
        """The first from the right that is no proxy of ours; of what is unreadable, its teller."""
        client = peer
        while hops and self._is_proxy(client):
            hops, _, text = hops.rpartition(",")
            said = parse(text)
            if said is None:
                break
            client = said
        return client

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)


def parse(text: str) -> Address | None:
    """An address, with or without port; `None` if it is none. An IPv4 in an IPv6 is an IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
