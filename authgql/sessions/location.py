"""Where a login came from, roughly, if the operator supplies a database that knows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import maxminddb

MAX_NAME = 100


@dataclass(frozen=True, kw_only=True)
class Location:
    """A city and a country, each as far as known, in English."""

    city: str | None = None
    country: str | None = None


class Locator:
    """Looks addresses up in an MMDB file of the GeoLite2 City form; without a file it knows nothing."""

    def __init__(self, database: Path | None) -> None:
        self._reader = maxminddb.open_database(database) if database else None

    def locate(self, ip_address: str) -> Location:
        """Find an address; one that is not in the database has no location."""
        found = self._find(ip_address)
        if not isinstance(found, dict):
            return Location()
        return Location(city=_name(found.get("city")), country=_name(found.get("country")))

    def close(self) -> None:
        """Close the file."""
        if self._reader:
            self._reader.close()

    def _find(self, ip_address: str) -> Any:  # noqa: ANN401 -- whatever the file holds
        try:
            return self._reader.get(ip_address) if self._reader else None
        except ValueError:  # an IPv6 address, and a file of IPv4 ones
            return None


def _name(place: Any) -> str | None:  # noqa: ANN401 -- whatever the file holds
    name = place.get("names", {}).get("en") if isinstance(place, dict) else None
    return str(name)[:MAX_NAME] if name else None
