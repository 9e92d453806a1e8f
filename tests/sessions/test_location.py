from pathlib import Path
from typing import Any

import pytest
from conftest import MakeApp
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]
from support.documents import SESSIONS

from authgql.sessions.location import Location, Locator

PARIS = {"city": {"names": {"en": "Paris", "fr": "Paris"}}, "country": {"names": {"en": "France"}}}
PLACES: dict[str, Any] = {
    "203.0.113.0/24": PARIS,
    "2001:db8:1::/48": {"country": {"names": {"en": "Iceland"}}},
    "198.51.100.0/24": {"city": {"names": {"en": "x" * 300}}, "country": {"names": {"de": "Land"}}},
    "192.0.2.0/24": {"city": "Paris", "country": {"names": {}}},
    "192.0.3.0/24": "no record of ours",
}


def database(file: Path, places: dict[str, Any] = PLACES, *, ip_version: int = 6) -> Path:
    writer = MMDBWriter(ip_version, "GeoLite2-City", ipv4_compatible=ip_version == 6)
    for network, record in places.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(file))
    return file


@pytest.mark.parametrize(
    ("address", "location"),
    [
        ("203.0.113.9", Location(city="Paris", country="France")),
        ("2001:db8:1::9", Location(country="Iceland")),
        ("198.51.100.1", Location(city="x" * 100)),
        ("192.0.2.1", Location()),
        ("192.0.3.1", Location()),
        ("127.0.0.1", Location()),
        ("2001:db8:2::9", Location()),
    ],
)
def test_a_place_is_told_as_far_as_the_database_knows_it(
    tmp_path: Path, address: str, location: Location
) -> None:
    locator = Locator(database(tmp_path / "places.mmdb"))
    assert locator.locate(address) == location
    locator.close()


def test_without_a_database_nothing_is_known() -> None:
    locator = Locator(None)
    assert locator.locate("203.0.113.9") == Location()
    locator.close()


def test_a_database_of_ipv4_addresses_alone_knows_nothing_of_others(tmp_path: Path) -> None:
    locator = Locator(database(tmp_path / "places.mmdb", {"203.0.113.0/24": PARIS}, ip_version=4))
    assert locator.locate("203.0.113.9").city == "Paris"
    assert locator.locate("2001:db8:1::9") == Location()
    locator.close()


@pytest.mark.parametrize(
    ("address", "location"),
    [
        ("203.0.113.9", {"city": "Paris", "country": "France"}),
        ("2001:db8:1::9", {"city": None, "country": "Iceland"}),
        ("192.0.2.1", None),
    ],
)
async def test_a_session_tells_its_owner_where_the_login_came_from(
    make_app: MakeApp, tmp_path: Path, address: str, location: object
) -> None:
    app = await make_app(geoip_database=database(tmp_path / "places.mmdb"))
    await app.register()
    async with app.called_from(address) as elsewhere:
        ada = await elsewhere.login()
    (node,) = (await app.gql(SESSIONS, token=ada.access)).only["nodes"]
    assert node["location"] == location
