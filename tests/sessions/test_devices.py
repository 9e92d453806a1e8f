import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.app import FIREFOX, IPHONE

from authgql.sessions.devices import MAX_NAME, MAX_PART, DeviceKind, describe

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Safari/605.1.15"
)
IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)
PIXEL = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 "
    "Mobile Safari/537.36"
)
ANDROID_TABLET = PIXEL.replace("Pixel 9", "SM-X910").replace("Mobile ", "")
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
# Both families of this one are whatever the client likes.
LONGEST = "HbbTV/1.1.1 (; " + "L" * 100 + " ;2012 ) " + "W" * 100 + "Bot/2"


@pytest.mark.parametrize(
    ("user_agent", "name", "kind"),
    [
        (FIREFOX, "Firefox on Linux", DeviceKind.DESKTOP),
        (f"{WINDOWS} {CHROME}", "Chrome on Windows", DeviceKind.DESKTOP),
        (f"{WINDOWS} {CHROME} Edg/141.0.0.0", "Edge on Windows", DeviceKind.DESKTOP),
        (MAC, "Safari on macOS", DeviceKind.DESKTOP),
        (IPHONE, "Mobile Safari on iOS", DeviceKind.MOBILE),
        (IPAD, "Mobile Safari on iOS", DeviceKind.TABLET),
        (PIXEL, "Chrome Mobile on Android", DeviceKind.MOBILE),
        (ANDROID_TABLET, "Chrome on Android", DeviceKind.TABLET),
        (GOOGLEBOT, "Googlebot", DeviceKind.BOT),
        ("curl/8.11.0", "curl", DeviceKind.OTHER),
        ("okhttp/4.12.0", "okhttp", DeviceKind.OTHER),
        ("", "Unknown device", DeviceKind.OTHER),
        ("what is this", "Unknown device", DeviceKind.OTHER),
    ],
)
def test_a_device_is_named_as_its_owner_would(user_agent: str, name: str, kind: DeviceKind) -> None:
    device = describe(user_agent)
    assert (device.name, device.kind) == (name, kind)


def test_a_name_fits_its_column_however_long_its_parts_are() -> None:
    device = describe(LONGEST)
    assert device.browser == "W" * 50 + "Bot"
    assert device.os == "L" * MAX_PART
    assert len(device.name) == MAX_NAME


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=600)
    | st.from_regex(r"[A-Za-z]{1,200}(Bot|crawler|spider)/[0-9]{1,50} \(.{0,60}; Linux\)")
)
def test_any_user_agent_gives_a_device_that_fits_its_columns(user_agent: str) -> None:
    device = describe(user_agent)
    assert 0 < len(device.name) <= MAX_NAME
    assert all(len(part) <= MAX_PART for part in (device.browser or "", device.os or ""))
