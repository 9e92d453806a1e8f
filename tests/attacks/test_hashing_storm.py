"""More passwords than can be hashed are turned away at once, and nobody else waits for them."""

import asyncio
from threading import Event

import pytest
from support.accounts import WRONG_PASSWORD, change_password, login, reauthenticate, register
from support.app import Application, together
from support.documents import ME

from authgql.passwords.hashing import Hashing

ROOM = 4


def hold_up(app: Application, monkeypatch: pytest.MonkeyPatch) -> Event:
    """Have hashing take as long as the test wants it to, with room for a few."""
    go_on = Event()
    original = Hashing._matches  # noqa: SLF001 -- as slow as a machine at its worst moment

    def slow(self: Hashing, hashed: str, password: str) -> bool:
        assert go_on.wait(20)
        return original(self, hashed, password)

    monkeypatch.setattr(Hashing, "_matches", slow)
    monkeypatch.setattr(app.system.hashing, "_most", ROOM)
    return go_on


async def test_who_finds_the_line_full_is_told_to_come_back_and_nobody_else_waits(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await app.signed_up()
    go_on = hold_up(app, monkeypatch)
    try:
        storm = [asyncio.create_task(login(app, "ada", WRONG_PASSWORD)) for _ in range(3 * ROOM)]
        while sum(task.done() for task in storm) < 2 * ROOM:
            await asyncio.wait([task for task in storm if not task.done()], return_when="FIRST_COMPLETED")
        assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"
        assert (await app.client.get("/healthz")).status_code == 200
        for result in await together(
            login(app, "ada"),
            login(app, "nobody"),
            reauthenticate(app, ada.access),
            change_password(app, ada.access),
            register(app, "grace", "grace@example.com"),
        ):
            assert (result["__typename"], result["retryAfter"]) == ("RateLimited", 1)
    finally:
        go_on.set()
    kinds = [result["__typename"] for result in await together(*storm)]
    assert (kinds.count("RateLimited"), kinds.count("InvalidCredentials")) == (2 * ROOM, ROOM)
    assert (await app.events()).count("limit.overloaded") == 1  # a storm does not fill the trail
    assert (await login(app, "ada"))["__typename"] == "LoginSuccess"


async def test_who_was_turned_away_was_not_wrong(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    await app.register()
    monkeypatch.setattr(app.system.hashing, "_most", 0)
    for _ in range(3):
        assert (await login(app, "ada"))["__typename"] == "RateLimited"
    assert "login.refused" not in await app.events()
