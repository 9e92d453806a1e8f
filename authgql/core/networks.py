"""Whose addresses are one client's."""

from ipaddress import IPv6Address, ip_address, ip_network


def network(address: str) -> str:
    """Return what one client can be expected to hold: an IPv4 address, or an IPv6 /64."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        return str(ip_network(f"{ip}/64", strict=False))
    return str(ip)
