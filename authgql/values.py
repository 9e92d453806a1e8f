"""How the environment spells lists, spans of time, networks and URLs; each is read strictly, or refused."""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

MAX_DURATION: Final = timedelta(days=3650)
BASE_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", re.ASCII)
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def comma_list(value: object) -> object:
    """Split at commas; leave alone what is no text."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def seconds(value: object) -> object:
    """Read whole seconds."""
    if not isinstance(value, str | int):
        return value
    if not re.fullmatch(r"[0-9]{1,12}", str(value)):
        raise ValueError("must be whole seconds")
    return timedelta(seconds=int(value))


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(comma_list)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(comma_list)]


def clients(value: object) -> object:
    """Read `name:secret` pairs."""
    if isinstance(value, str):
        pairs = (part.strip().partition(":") for part in value.split(",") if part.strip())
        return {name: secret for name, _, secret in pairs}
    return value


Clients = Annotated[dict[str, str], NoDecode, BeforeValidator(clients)]
Seconds = Annotated[timedelta, BeforeValidator(seconds), Field(gt=timedelta(0), le=MAX_DURATION)]
SecondsOrNone = Annotated[timedelta, BeforeValidator(seconds), Field(ge=timedelta(0), le=MAX_DURATION)]

Days = Annotated[int, Field(ge=0, le=MAX_DURATION.days)]


def as_origin(value: str) -> str:
    """Return scheme, host and port as a browser's `Origin` header spells them."""
    url = urlsplit(value)
    more = url.path.strip("/"), url.query, url.fragment, url.username, url.password
    if url.scheme not in DEFAULT_PORTS or not url.hostname or any(more):
        raise ValueError("must be scheme and host alone, such as https://id.example.com")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    port = f":{url.port}" if url.port not in {None, DEFAULT_PORTS[url.scheme]} else ""
    return f"{url.scheme}://{host}{port}"


def as_base(value: str) -> str:
    """Return an origin with the path that everything is below, if there is one."""
    url = urlsplit(value)
    path = url.path.rstrip("/")
    if path and not BASE_PATH.fullmatch(path):
        raise ValueError("must have a path of plain names, such as https://example.com/auth, or none")
    return as_origin(url._replace(path="").geturl()) + path


def names_server(value: str, *schemes: str) -> bool:
    """Tell whether a URL has one of the schemes and names a server; raise ValueError for a broken port."""
    url = urlsplit(value)
    return url.scheme in schemes and bool(url.netloc or url.query) and url.port != 0  # or raises ValueError


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
