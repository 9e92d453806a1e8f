"""What happens to an account's sessions reaches whoever watches them, and a watcher goes with its session.

An ended session's own watcher hears of that end first, and is then told to go, on every node. What the trail
does not say in time (a timeout that fell, an account that was locked by hand) is found by asking the database
for all watched sessions at once, every few seconds.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from authgql.accounts.models import Account
from authgql.audit.events import Event
from authgql.audit.feed import Entry, Feed
from authgql.core.bus import Bus
from authgql.core.clock import Clock
from authgql.core.errors import BadUserInput
from authgql.core.loops import Loop
from authgql.core.secrets import earlier_id, first_id_at, new_id
from authgql.sessions.changes import CHANGES, Change, Changes, SessionChange
from authgql.sessions.models import Session
from authgql.sessions.state import Ending, SessionEndReason, ending

MAX_PAST: Final = 1_000
SKEW: Final = timedelta(seconds=60)
SESSIONS_AT_ONCE: Final = 10_000
CHECK_SECONDS: Final = 4  # with the time that it takes, less than the 5 s that are promised

Shown = TypeVar("Shown")


class Watch:
    """One connection's view of its account's sessions, from within one of them."""

    def __init__(self, live: "LiveSessions", account: Account, session: Session) -> None:
        self._live = live
        self._readers: set[Changes[Any]] = set()
        self.account = account
        self.session = session
        self.has_ended = False
        self.on_end: Callable[[], None] = _nothing

    async def changes(
        self, show: Callable[[SessionChange], Shown], *, since: datetime | None
    ) -> Changes[Shown]:
        """Follow the changes, after the latest of each session since a moment; raises `BadUserInput`."""
        self._live.check_moment(since)
        reader = Changes(show, self._readers.discard)
        self._readers.add(reader)  # before looking back, so that nothing falls in between
        has_ended = self.has_ended
        if has_ended:
            reader.finish()
        try:
            past = await self._live.past(self.account, since) if since else []
            own_end = [change for change in past if self._is_own_end(change)]
            others = [change for change in past if not self._is_own_end(change)]
            reader.begin([*others, *own_end] if has_ended else others)  # or else it is about to be told
        except BaseException:
            await reader.aclose()
            raise
        return reader

    def _is_own_end(self, change: SessionChange) -> bool:
        return change.change is Change.ENDED and change.session.id == self.session.id

    def tell(self, change: SessionChange) -> None:
        """Pass a change on to each reader."""
        for reader in self._readers:
            reader.put(change)

    def end(self) -> None:
        """Let the readers read to the end, and have the connection closed."""
        self.has_ended = True
        for reader in self._readers:
            reader.finish()
        self.on_end()

    def close(self) -> None:
        """Watch no more."""
        self._live.forget(self)


class LiveSessions:
    """Tells watchers, and looks after them."""

    def __init__(self, *, clock: Clock, feed: Feed) -> None:
        self._clock = clock
        self._feed = feed
        self._watches: dict[UUID, set[Watch]] = {}  # by the account's pseudonym
        self._heard: list[Entry] = []
        self._gone: set[UUID] = set()
        self._on_news: Callable[[], None] = _nothing
        feed.on_entry = self._hear

    def loops(self, bus: Bus) -> Sequence[Loop]:
        """Return the recurring jobs: telling watchers at once, and checking on them."""
        deliver = Loop(name="live", interval=1, work=self.deliver)
        check = Loop(name="watch", interval=CHECK_SECONDS, work=self.check)
        self._on_news = deliver.wake
        bus.on_gap(check.wake)
        return [deliver, check]

    async def watch(self, account: Account, session: Session) -> Watch:
        """Watch an account from one of its sessions, which was active a moment ago."""
        watch = Watch(self, account, session)
        self._watches.setdefault(account.pseudonym, set()).add(watch)
        try:
            recent = await self._feed.follow(account.pseudonym)
        except BaseException:
            self.forget(watch)
            raise
        if any(_ends(entry, session.id) for entry in recent):
            watch.end()
        return watch

    def forget(self, watch: Watch) -> None:
        """Tell a watcher nothing any more."""
        subject = watch.account.pseudonym
        watches = self._watches.get(subject, set())
        if watch in watches:
            watches.remove(watch)
            self._feed.unfollow(subject)
            if not watches:
                del self._watches[subject]

    async def deliver(self) -> None:
        """Tell watchers what was heard; one statement for all of it."""
        heard, gone = self._heard, self._gone
        self._heard, self._gone = [], set()
        if not heard and not gone:
            return
        try:
            rows = await self._rows({entry.session_id for entry in heard} | gone)
        except BaseException:
            self._heard, self._gone = heard + self._heard, gone | self._gone
            raise
        for entry in heard:
            self._tell(entry, rows.get(entry.session_id))
        for entry in heard:  # after the others', so that a watcher's own end is the last that it hears
            self._tell_own_end(entry, rows.get(entry.session_id))
        for watch in [watch for watch in self._all() if watch.session.id in gone]:
            self._end(watch, rows.get(watch.session.id), event_id=new_id())

    async def check(self) -> None:
        """Find what no message said: missed events, timeouts, locked accounts; two statements for all."""
        await self._feed.catch_up()
        watched = sorted({watch.session.id for watch in self._all()})
        living: set[UUID] = set()
        for at in range(0, len(watched), SESSIONS_AT_ONCE):
            some = Session.filter(id__in=watched[at : at + SESSIONS_AT_ONCE])
            active = some.filter(
                logged_out_at=None, expires_at__gt=self._clock.now(), account__locked_at=None
            )
            living.update([row["id"] for row in await active.values("id")])
        if gone := set(watched) - living:
            self._gone |= gone
            self._on_news()

    def check_moment(self, since: datetime | None) -> None:
        """Raise `BadUserInput` for a moment to come: with such a clock the client would miss events."""
        if since and (since.tzinfo is None or since > self._clock.now() + SKEW):
            raise BadUserInput("`since` must be a moment that has been, with its offset; check your clock.")

    async def past(self, account: Account, since: datetime) -> list[SessionChange]:
        """Return the latest change of each session since about a moment, oldest first."""
        first = earlier_id(first_id_at(since), seconds=SKEW.total_seconds())
        entries = await self._feed.since(account.pseudonym, first, limit=MAX_PAST)
        latest: dict[UUID, Entry] = {}
        for entry in entries:
            latest.setdefault(entry.session_id, entry)
        rows = await self._rows(latest)
        changes = [self._change(entry, rows.get(entry.session_id)) for entry in reversed(latest.values())]
        return [change for change in changes if change]

    def _hear(self, entry: Entry) -> None:
        self._heard.append(entry)
        self._on_news()

    def _tell(self, entry: Entry, row: Session | None) -> None:
        change = self._change(entry, row)
        for watch in self._watches.get(entry.subject, ()):
            if change and not _ends(entry, watch.session.id):
                watch.tell(change)

    def _tell_own_end(self, entry: Entry, row: Session | None) -> None:
        for watch in list(self._watches.get(entry.subject, ())):
            if _ends(entry, watch.session.id):
                self._end(watch, row, event_id=entry.id)

    def _change(self, entry: Entry, row: Session | None) -> SessionChange | None:
        # A message is only a hint: whose session it is, and whether it ended, is what the row says.
        if row is None or row.account.pseudonym != entry.subject:
            return None
        change, end = CHANGES[entry.kind], self._ending(row)
        if change is Change.ENDED and end is None:
            return None
        return SessionChange(id=entry.id, change=change, at=entry.at, session=row, ending=end)

    def _end(self, watch: Watch, row: Session | None, *, event_id: UUID) -> None:
        """End a watch whose session is over, gone with its account, or found out again to be active."""
        session, now = row or watch.session, self._clock.now()
        end = self._ending(session) if row else Ending(now, SessionEndReason.ACCOUNT_DELETED)
        if end is None or watch.has_ended:
            return
        change = SessionChange(id=event_id, change=Change.ENDED, at=end.at, session=session, ending=end)
        watch.tell(change)
        watch.end()

    def _ending(self, row: Session) -> Ending | None:
        locked_at = row.account.locked_at
        locked = Ending(locked_at, SessionEndReason.ACCOUNT_LOCKED) if locked_at else None
        return ending(row, self._clock.now()) or locked

    async def _rows(self, session_ids: Iterable[UUID]) -> dict[UUID, Session]:
        rows = await Session.filter(id__in=list(session_ids)).select_related("account")
        return {row.id: row for row in rows}

    def _all(self) -> list[Watch]:
        return [watch for watches in self._watches.values() for watch in watches]


def _ends(entry: Entry, session_id: UUID) -> bool:
    return entry.kind == Event.SESSION_ENDED.kind and entry.session_id == session_id


def _nothing() -> None:
    """Stand in for a callback until there is one."""
