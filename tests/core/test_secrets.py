"""Whatever must not be guessed is 128 bits and more of the operating system's randomness."""

from base64 import urlsafe_b64decode
from collections import Counter

from support.app import Application
from support.dialects import no_database
from support.links import token_on

from authgql.core.secrets import new_nonce, new_token

MANY = 10_000


def test_of_many_tokens_no_two_are_alike_and_each_has_256_bits() -> None:
    tokens = [new_token("agr_") for _ in range(MANY)]
    assert len(set(tokens)) == MANY
    assert {len(urlsafe_b64decode(token.removeprefix("agr_") + "=")) for token in tokens} == {32}


def test_every_bit_of_a_token_is_as_often_set_as_not() -> None:
    raw = [urlsafe_b64decode(new_token("") + "=") for _ in range(MANY)]
    set_bits = [sum(token[bit // 8] >> bit % 8 & 1 for token in raw) for bit in range(256)]
    # 0.5 more or less by eight standard deviations, which chance does not reach in the age of the universe.
    assert all(abs(count - MANY / 2) < 8 * (MANY / 4) ** 0.5 for count in set_bits)


def test_a_pages_nonce_has_128_bits() -> None:
    assert Counter(len(urlsafe_b64decode(new_nonce() + "==")) for _ in range(100)) == {16: 100}


@no_database
async def test_what_is_handed_out_is_made_so(app: Application) -> None:
    ada, again = await app.signed_up(), await app.login()
    link = await token_on(app, "verify-email", "ada@example.com")
    assert ada.refresh != again.refresh
    for token, prefix in ((ada.refresh, "agr_"), (link, "agl_")):
        assert token.startswith(prefix)
        assert len(urlsafe_b64decode(token.removeprefix(prefix) + "=")) == 32
