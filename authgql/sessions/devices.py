"""A session is named so that its owner recognises the device: "Firefox on Linux"."""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from ua_parser import parse

MAX_USER_AGENT: Final = 512  # characters kept of what a client says of itself
MAX_NAME: Final = 100
MAX_PART: Final = 64
TABLETS: Final = ("iPad", "Tablet", "Kindle")
MOBILE: Final = {"iOS", "Android", "Windows Phone", "KaiOS", "BlackBerry OS", "Firefox OS"}
DESKTOP: Final = {
    "Windows",
    "macOS",
    "Linux",
    "Ubuntu",
    "Fedora",
    "Debian",
    "Chrome OS",
    "FreeBSD",
    "OpenBSD",
}


class DeviceKind(Enum):
    """What sort of device a login came from, as far as its user agent says."""

    DESKTOP = "DESKTOP"
    MOBILE = "MOBILE"
    TABLET = "TABLET"
    BOT = "BOT"
    OTHER = "OTHER"


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device as its user agent describes it; nothing here is proof of anything."""

    name: str
    kind: DeviceKind
    browser: str | None
    os: str | None


@lru_cache(maxsize=2048)
def describe(user_agent: str) -> Device:
    """Read a user agent string; an unreadable one is "Unknown device"."""
    seen = parse(user_agent[:MAX_USER_AGENT])
    browser = _part(seen.user_agent.family) if seen.user_agent else None
    system = _part(seen.os.family) if seen.os else None
    family = seen.device.family if seen.device else ""
    name = " on ".join(part for part in (browser, system) if part)
    return Device(
        name=name[:MAX_NAME] or "Unknown device",
        kind=_kind(family, system, user_agent),
        browser=browser,
        os=system,
    )


def _kind(family: str, system: str | None, user_agent: str) -> DeviceKind:
    if family == "Spider":
        return DeviceKind.BOT
    if any(word in family or word in user_agent for word in TABLETS):
        return DeviceKind.TABLET
    if system == "Android" and "Mobile" not in user_agent:
        return DeviceKind.TABLET
    if system in MOBILE:
        return DeviceKind.MOBILE
    return DeviceKind.DESKTOP if system in DESKTOP else DeviceKind.OTHER


def _part(family: str) -> str | None:
    return None if family == "Other" else family[:MAX_PART].replace("Mac OS X", "macOS")
