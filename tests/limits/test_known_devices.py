"""A device cookie is good for its account, its password and 400 days, and nothing that was altered is."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.app import SECRET, ManualClock

from authgql.core.clock import Clock
from authgql.core.sealing import Sealer
from authgql.limits.devices import LIFETIME, MAX_ACCOUNTS, MAX_LENGTH, Devices

ADA, EVE = uuid4(), uuid4()


@pytest.fixture
def devices(clock: ManualClock) -> Devices:
    return Devices(clock=clock, sealer=Sealer([SECRET]))


@pytest.fixture
def long_ago(clock: ManualClock) -> datetime:
    return clock.now() - timedelta(days=1000)


def test_a_device_is_recognised_for_its_account_alone(devices: Devices, long_ago: datetime) -> None:
    cookie = devices.remember(None, ADA)
    assert devices.recognise(cookie, ADA, since=long_ago)
    assert devices.recognise(cookie, EVE, since=long_ago) is None
    assert devices.recognise(None, ADA, since=long_ago) is None


def test_two_devices_have_two_names(devices: Devices, long_ago: datetime) -> None:
    cookies = [devices.remember(None, ADA) for _ in range(2)]
    assert len({devices.recognise(cookie, ADA, since=long_ago) for cookie in cookies}) == 2


def test_a_device_keeps_its_name(devices: Devices, clock: ManualClock, long_ago: datetime) -> None:
    cookie = devices.remember(None, ADA)
    clock.advance(days=300)
    later = devices.remember(cookie, ADA)
    assert later != cookie
    clock.advance(days=300)
    assert devices.recognise(cookie, ADA, since=long_ago) is None
    assert devices.recognise(later, ADA, since=long_ago) == cookie.partition(".")[0]


def test_what_is_from_before_the_password_is_not_recognised(devices: Devices, clock: ManualClock) -> None:
    cookie = devices.remember(None, ADA)
    assert devices.recognise(cookie, ADA, since=clock.now())
    clock.advance(0.000_001)
    assert devices.recognise(cookie, ADA, since=clock.now()) is None


def test_a_cookie_is_forgotten_when_browsers_forget_it(
    devices: Devices, clock: ManualClock, long_ago: datetime
) -> None:
    cookie = devices.remember(None, ADA)
    clock.advance(LIFETIME.total_seconds())
    assert devices.recognise(cookie, ADA, since=long_ago)
    clock.advance(1)
    assert devices.recognise(cookie, ADA, since=long_ago) is None


def test_accounts_of_one_browser_do_not_fight_until_there_are_too_many(
    devices: Devices, long_ago: datetime
) -> None:
    accounts = [uuid4() for _ in range(MAX_ACCOUNTS + 1)]
    cookie: str | None = None
    for account in accounts:
        cookie = devices.remember(cookie, account)
    known = [account for account in accounts if devices.recognise(cookie, account, since=long_ago)]
    assert known == accounts[1:]
    cookie = devices.remember(cookie, accounts[1])  # used again: another is the oldest now
    cookie = devices.remember(cookie, accounts[0])
    known = [account for account in accounts if devices.recognise(cookie, account, since=long_ago)]
    assert known == [*accounts[:2], *accounts[3:]]
    assert len(cookie) <= MAX_LENGTH


def test_every_node_with_the_same_secrets_recognises_it(
    devices: Devices, clock: ManualClock, long_ago: datetime
) -> None:
    newer = Devices(clock=clock, sealer=Sealer(["a-newer-secret-that-only-the-tests-know-0123", SECRET]))
    other = Devices(clock=clock, sealer=Sealer(["another-secret-that-only-the-tests-know-0123"]))
    cookie = devices.remember(None, ADA)
    assert newer.recognise(cookie, ADA, since=long_ago)
    assert other.recognise(cookie, ADA, since=long_ago) is None


REAL = Devices(clock=Clock(), sealer=Sealer([SECRET]))
SINCE = Clock().now() - timedelta(days=1)


@given(st.data(), st.uuids())
def test_no_altered_cookie_is_recognised(data: st.DataObject, account: UUID) -> None:
    cookie = REAL.remember(None, account)
    position = data.draw(st.integers(0, len(cookie) - 1))
    letter = data.draw(st.characters().filter(lambda letter: letter != cookie[position]))
    altered = cookie[:position] + letter + cookie[position + 1 :]
    assert REAL.recognise(altered, account, since=SINCE) is None


@given(st.text(max_size=2 * MAX_LENGTH))
def test_whatever_is_shown_is_as_none(shown: str) -> None:
    assert REAL.recognise(shown, ADA, since=SINCE) is None
    assert REAL.recognise(REAL.remember(shown, ADA), ADA, since=SINCE)
