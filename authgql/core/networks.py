"""Whose addresses are one client's, and which network remains of an old one."""

from ipaddress import IPv6Address, ip_address, ip_network


def network(address: str) -> str:
    """Return what one client can be expected to hold: an IPv4 address, or an IPv6 /64."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        return str(ip_network(f"{ip}/64", strict=False))
    return str(ip)


def neighbourhood(address: str) -> str:
    """Return the network that leads to no one client: an IPv4 /24, an IPv6 /48; all for what is none."""
    try:
        ip = ip_address(address)
    except ValueError:  # imported, or written by hand: it must not keep all that follow from being truncated
        return "0.0.0.0/0"
    return str(ip_network(f"{ip}/{48 if isinstance(ip, IPv6Address) else 24}", strict=False))
