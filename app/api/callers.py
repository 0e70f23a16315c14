"""Who calls, for limits: known before anything of the request is believed or looked up."""

from ipaddress import IPv6Address, IPv6Network

from flask import request

from app.api.forwarded import parse

# What one IPv6 customer is given at least; counting single addresses would count nobody.
IPV6_PREFIX = 64


def address() -> str:
    """The caller's address, of IPv6 the network; see `app.api.forwarded` for proxies."""
    found = parse(request.remote_addr or "")
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found.packed, IPV6_PREFIX), strict=False))
    return str(found)
