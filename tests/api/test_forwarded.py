"""Whose address counts when proxies stand in between."""

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.forwarded import Forwarded, parse

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def seen(peer: str, hops: str = "", **more: str) -> tuple[str, str]:
    """Address and scheme that the app behind sees."""
    environ: dict[str, Any] = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"} | more
    if hops:
        environ["HTTP_X_FORWARDED_FOR"] = hops

    def app(inner: dict[str, Any], _: Any) -> tuple[str, str]:
        assert not [name for name in inner if "FORWARDED" in name or name == "HTTP_X_REAL_IP"]
        return inner["REMOTE_ADDR"], inner["wsgi.url_scheme"]

    found: tuple[str, str] = Forwarded(app, PROXIES)(environ, None)
    return found


@pytest.mark.parametrize(
    ("peer", "hops", "client"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1, fd00::7, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.0.0.1", "198.51.100.1:8443", "198.51.100.1"),
        ("fd00::1", "2001:db8::9", "2001:db8::9"),
        ("fd00::1", "[2001:db8::9]:443", "2001:db8::9"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown, 10.2.2.2", "10.2.2.2"),
        ("10.0.0.1", ",,,", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.66, " * 1000 + "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", ", ".join(["10.1.1.1"] * 1000), "10.1.1.1"),
        ("", "198.51.100.1", ""),
        ("unix", "198.51.100.1", "unix"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy(
    peer: str, hops: str, client: str
) -> None:
    assert seen(peer, hops)[0] == client


@pytest.mark.parametrize(
    ("peer", "said", "scheme"),
    [
        ("10.0.0.1", "https", "https"),
        ("10.0.0.1", "http, https", "https"),
        ("10.0.0.1", "HTTPS", "https"),
        ("10.0.0.1", "gopher", "http"),
        ("10.0.0.1", "", "http"),
        ("203.0.113.5", "https", "http"),
    ],
)
def test_only_a_proxy_says_that_the_client_came_by_https(peer: str, said: str, scheme: str) -> None:
    assert seen(peer, HTTP_X_FORWARDED_PROTO=said)[1] == scheme


@given(
    peer=st.text() | st.ip_addresses().map(str), hops=st.text() | st.lists(st.text()).map(",".join)
)
def test_nothing_that_anybody_sends_breaks_it(peer: str, hops: str) -> None:
    seen(peer, hops)
    seen("10.0.0.1", hops)


@given(st.ip_addresses())
def test_every_address_is_read_as_it_is_written(address: Any) -> None:
    expected = getattr(address, "ipv4_mapped", None) or address
    assert parse(str(address)) == expected
