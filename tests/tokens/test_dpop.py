"""Every check of RFC 9449 section 4.3 refuses what it is there for, and nothing good is refused."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st
from support.app import SECRET, ManualClock
from support.proofs import ProofKey, b64, claims_at
from support.proofs import verify as verified

from authgql.core.clock import Clock
from authgql.core.replay import MemoryReplays
from authgql.core.sealing import Sealer
from authgql.core.secrets import ascii_hash, thumbprint
from authgql.tokens.dpop import InvalidProof, Proofs
from authgql.tokens.nonces import WINDOW_SECONDS, Nonces

PUBLIC_URL = "https://auth.example"
TOKEN = "an.access.token"
MOMENT = 1_772_700_000
ALG = ("ES256", "EdDSA")

# RFC 9449, figures 1, 9 and 13
RFC_JWK = {
    "kty": "EC",
    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    "crv": "P-256",
}
RFC_THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
RFC_ACCESS_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
RFC_ATH = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
RFC_HEADER = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpD"
    "a0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6"
    "IlAtMjU2In19"
)
RFC_TOKEN_REQUEST = (
    f"{RFC_HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3"
    "Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
RFC_RESOURCE_REQUEST = (
    f"{RFC_HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9w"
    "cm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9."
    "2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)


class Standing(Clock):
    def __init__(self, seconds: float) -> None:
        self._now = datetime.fromtimestamp(seconds, UTC)

    def now(self) -> datetime:
        return self._now


def proofs_at(
    clock: Clock, *, public_url: str = PUBLIC_URL, require_nonce: bool = False, capacity: int = 1000
) -> Proofs:
    return Proofs(
        clock=clock,
        public_url=public_url,
        replays=MemoryReplays(clock=clock, capacity=capacity),
        nonces=Nonces(clock=clock, sealer=Sealer([SECRET])),
        require_nonce=require_nonce,
    )


@pytest.fixture
def key() -> ProofKey:
    return ProofKey()


@pytest.fixture
def proofs(clock: ManualClock) -> Proofs:
    return proofs_at(clock)


@pytest.fixture
def now(clock: ManualClock) -> int:
    return int(clock.now().timestamp())


async def verify(proofs: Proofs, *headers: str, access_token: str | None = None) -> str:
    return await verified(proofs, headers, method="POST", path="/graphql", access_token=access_token)


async def refusal(proofs: Proofs, *headers: str, access_token: str | None = None) -> InvalidProof:
    with pytest.raises(InvalidProof) as caught:
        await verify(proofs, *headers, access_token=access_token)
    return caught.value


# ---------------------------------------------------------------- what is accepted


@pytest.mark.parametrize("key", [ProofKey(), ProofKey(Ed25519PrivateKey.generate())], ids=ALG)
async def test_a_good_proof_tells_its_key(key: ProofKey, proofs: Proofs, now: int) -> None:
    tells = await verify(proofs, key.proof(claims_at(now)))
    assert tells == thumbprint(key.jwk)  # in which PyJWT writes no more than the RFC's members
    assert len(tells) == 43


async def test_the_proof_of_the_rfcs_token_request_is_good() -> None:
    proofs = proofs_at(Standing(1562262616), public_url="https://server.example.com")
    tells = await verified(proofs, [RFC_TOKEN_REQUEST], method="POST", path="/token", access_token=None)
    assert tells == RFC_THUMBPRINT


async def test_the_proof_of_the_rfcs_resource_request_is_good() -> None:
    proofs = proofs_at(Standing(1562262618), public_url="https://resource.example.org")
    tells = await verified(
        proofs, [RFC_RESOURCE_REQUEST], method="GET", path="/protectedresource", access_token=RFC_ACCESS_TOKEN
    )
    assert tells == RFC_THUMBPRINT


def test_thumbprint_and_token_hash_are_the_rfcs() -> None:
    assert thumbprint(RFC_JWK) == RFC_THUMBPRINT
    assert ascii_hash(RFC_ACCESS_TOKEN) == RFC_ATH


def test_an_okp_thumbprint_is_that_of_rfc_8037() -> None:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


async def test_public_members_of_the_jwk_that_are_not_needed_count_for_nothing(
    proofs: Proofs, key: ProofKey, now: int
) -> None:
    plain = await verify(proofs, key.proof(claims_at(now)))
    adorned = {**key.jwk, "kid": "1", "use": "enc", "key_ops": ["verify"], "ext": True, "alg": "none"}
    assert await verify(proofs, key.proof(claims_at(now), jwk=adorned, kid="2", jku="https://x")) == plain


@pytest.mark.parametrize(
    "htu",
    [
        "https://auth.example/graphql",
        "HTTPS://AUTH.Example/graphql",
        "https://auth.example:443/graphql",
        "https://auth.example:/graphql",
        "https://auth.example/graphql?operation=Me",
        "https://auth.example/graphql#fragment",
    ],
)
async def test_addresses_that_mean_the_same_are_the_same(
    htu: str, proofs: Proofs, key: ProofKey, now: int
) -> None:
    await verify(proofs, key.proof(claims_at(now, htu=htu)))


@pytest.mark.parametrize(
    ("public_url", "htu"),
    [
        ("https://auth.example/", "https://auth.example/graphql"),
        ("https://auth.example/login", "https://auth.example/login/graphql"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/graphql"),
        ("http://localhost:80", "http://localhost/graphql"),
        ("http://[::1]:8000", "http://[::1]:8000/graphql"),
    ],
)
async def test_the_address_is_the_public_urls(public_url: str, htu: str, key: ProofKey) -> None:
    proofs = proofs_at(Standing(MOMENT), public_url=public_url)
    await verify(proofs, key.proof(claims_at(MOMENT, htu=htu)))


async def test_an_address_without_a_path_is_that_of_the_root(key: ProofKey) -> None:
    proof = key.proof(claims_at(MOMENT, htu=PUBLIC_URL))
    await verified(proofs_at(Standing(MOMENT)), [proof], method="POST", path="/", access_token=None)


@pytest.mark.parametrize("offset", [-60, -59, 0, 59, 60])
async def test_a_clients_clock_may_be_off_by_a_minute(
    offset: int, proofs: Proofs, key: ProofKey, now: int
) -> None:
    await verify(proofs, key.proof(claims_at(now + offset)))


@pytest.mark.parametrize("jti", ["1", "x" * 255, "größer", "\ud800", "\x00"])
async def test_a_jti_may_be_any_short_string(jti: str, proofs: Proofs, key: ProofKey, now: int) -> None:
    proof = key.proof(claims_at(now, jti=jti))
    await verify(proofs, proof)
    assert "used before" in (await refusal(proofs, proof)).message


async def test_with_an_access_token_its_hash_is_in_the_proof(proofs: Proofs, key: ProofKey, now: int) -> None:
    await verify(proofs, key.proof(claims_at(now, ath=ascii_hash(TOKEN))), access_token=TOKEN)


async def test_unknown_claims_count_for_nothing(proofs: Proofs, key: ProofKey, now: int) -> None:
    await verify(proofs, key.proof(claims_at(now, sub="ada", more={"nested": [1.5, True]})))


# ---------------------------------------------------------------- one header, one compact JWS


@pytest.mark.parametrize("count", [0, 2, 3])
async def test_any_other_number_of_headers_is_refused(
    count: int, proofs: Proofs, key: ProofKey, now: int
) -> None:
    headers = [key.proof(claims_at(now)) for _ in range(count)]
    assert "exactly one" in (await refusal(proofs, *headers)).message


async def test_two_proofs_in_one_header_are_refused(proofs: Proofs, key: ProofKey, now: int) -> None:
    both = ", ".join(key.proof(claims_at(now)) for _ in range(2))
    assert "compact JWS" in (await refusal(proofs, both)).message


@pytest.mark.parametrize(
    "header", ["", " ", "..", "a.b", "a.b.", ".b.c", "a.b.c.d", "a.b.c\n", "é.b.c", "a=.b.c", "a" * 5000]
)
async def test_what_is_no_compact_jws_is_refused(header: str, proofs: Proofs) -> None:
    assert "compact JWS" in (await refusal(proofs, header)).message


async def test_a_proof_that_is_too_long_is_refused(proofs: Proofs, key: ProofKey, now: int) -> None:
    long = key.proof(claims_at(now, padding="x" * 4096))
    assert "at most 4096" in (await refusal(proofs, long)).message


NOT_JSON = {
    "no JSON": b"{",
    "not UTF-8": b"\xff",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "with a byte order mark": b"\xef\xbb\xbf{}",
    "nested too deeply": b"[" * 2000,
    "two values": b"{}{}",
    "a list": b"[]",
    "a string": b'"typ"',
    "a number": b"1",
    "null": b"null",
}


@pytest.mark.parametrize("part", NOT_JSON.values(), ids=NOT_JSON)
@pytest.mark.parametrize("which", ["header", "payload"])
async def test_parts_that_are_no_json_objects_are_refused(
    which: str, part: bytes, proofs: Proofs, key: ProofKey
) -> None:
    header = json.dumps(key.header()).encode()
    bad = key.signed(part, b"{}") if which == "header" else key.signed(header, part)
    assert "not JSON" in (message := (await refusal(proofs, bad)).message) or "JSON object" in message


async def test_duplicate_members_are_refused_in_the_header(proofs: Proofs, key: ProofKey, now: int) -> None:
    header = json.dumps(key.header())[:-1] + ', "typ": "dpop+jwt"}'
    bad = key.signed(header.encode(), json.dumps(claims_at(now)).encode())
    assert "duplicate" in (await refusal(proofs, bad)).message


async def test_duplicate_members_are_refused_in_the_jwk(proofs: Proofs, key: ProofKey, now: int) -> None:
    header = json.dumps(key.header()).replace('"kty"', '"kty": "EC", "kty"')
    bad = key.signed(header.encode(), json.dumps(claims_at(now)).encode())
    assert "duplicate" in (await refusal(proofs, bad)).message


async def test_duplicate_members_are_refused_in_the_payload(proofs: Proofs, key: ProofKey, now: int) -> None:
    payload = json.dumps(claims_at(now))[:-1] + ', "htm": "POST"}'
    bad = key.signed(json.dumps(key.header()).encode(), payload.encode())
    assert "duplicate" in (await refusal(proofs, bad)).message


@pytest.mark.parametrize("length", [1, 5])
async def test_impossible_lengths_of_base64url_are_refused(
    length: int, proofs: Proofs, key: ProofKey, now: int
) -> None:
    message = key.proof(claims_at(now)).rpartition(".")[0]
    assert "base64url" in (await refusal(proofs, f"{message}.{'A' * length}")).message


async def test_another_spelling_of_the_same_bytes_is_refused(proofs: Proofs, key: ProofKey, now: int) -> None:
    proof = key.proof(claims_at(now))
    spare_bits_set = chr(ord(proof[-1]) + 1)  # 64 bytes end in A, Q, g or w
    assert "base64url" in (await refusal(proofs, proof[:-1] + spare_bits_set)).message


# ---------------------------------------------------------------- the header


HEADERS: dict[str, tuple[dict[str, object], str]] = {
    "no typ": ({"typ": None}, "`typ`"),
    "the typ of an access token": ({"typ": "at+jwt"}, "`typ`"),
    "a typ in capitals": ({"typ": "DPOP+JWT"}, "`typ`"),
    "a typ that is no string": ({"typ": ["dpop+jwt"]}, "`typ`"),
    "no alg": ({"alg": None}, "`alg`"),
    "alg none": ({"alg": "none"}, "`alg`"),
    "a symmetric alg": ({"alg": "HS256"}, "`alg`"),
    "an alg that is not taken here": ({"alg": "ES384"}, "`alg`"),
    "an RSA alg": ({"alg": "RS256"}, "`alg`"),
    "an alg that is no string": ({"alg": ["ES256"]}, "`alg`"),
    "an alg of another kind of key": ({"alg": "EdDSA"}, "go with its `alg`"),
    "crit": ({"crit": ["b64"], "b64": False}, "`crit`"),
    "an empty crit": ({"crit": []}, "`crit`"),
    "no jwk": ({"jwk": None}, "no `jwk`"),
    "a jwk that is no object": ({"jwk": "EC"}, "no `jwk`"),
    "an empty jwk": ({"jwk": {}}, "go with its `alg`"),
}


@pytest.mark.parametrize(("changes", "says"), HEADERS.values(), ids=HEADERS)
async def test_a_bad_header_is_refused(
    changes: dict[str, object], says: str, proofs: Proofs, key: ProofKey, now: int
) -> None:
    assert says in (await refusal(proofs, key.proof(claims_at(now), **changes))).message


JWKS: dict[str, tuple[dict[str, object], str]] = {
    "with its private part": ({"d": "AA"}, "private"),
    "with a private part that is null": ({"d": None}, "private"),
    "with an RSA private part": ({"p": "AA"}, "private"),
    "with a symmetric key": ({"k": "AA"}, "private"),
    "of another kind": ({"kty": "RSA"}, "go with its `alg`"),
    "of the other kind": ({"kty": "OKP"}, "go with its `alg`"),
    "that is symmetric": ({"kty": "oct"}, "go with its `alg`"),
    "of a kind that is no string": ({"kty": 1}, "go with its `alg`"),
    "on another curve": ({"crv": "P-384"}, "go with its `alg`"),
    "on the curve of Bitcoin": ({"crv": "secp256k1"}, "go with its `alg`"),
    "with a coordinate that is no string": ({"x": 5}, "not strings"),
    "with a coordinate that is a list": ({"y": ["AA"]}, "not strings"),
    "with an empty coordinate": ({"x": ""}, "wrong size"),
    "with a short coordinate": ({"x": "AAAA"}, "wrong size"),
    "with a long coordinate": ({"x": b64(bytes(33))}, "wrong size"),
    "with padding": ({"x": f"{b64(bytes(32))}="}, "base64url"),
    "with a coordinate beyond ASCII": ({"x": "é" * 43}, "base64url"),
    "with standard base64": ({"x": "+" * 43}, "base64url"),
    "at no point on the curve": ({"x": b64(bytes(31) + b"\x01")}, "no point"),
    "at the point at infinity": ({"x": b64(bytes(32)), "y": b64(bytes(32))}, "no point"),
    "beyond the field": ({"x": b64(b"\xff" * 32)}, "no point"),
}


@pytest.mark.parametrize(("changes", "says"), JWKS.values(), ids=JWKS)
async def test_a_jwk_is_refused(
    changes: dict[str, object], says: str, proofs: Proofs, key: ProofKey, now: int
) -> None:
    bad = key.proof(claims_at(now), jwk={**key.jwk, **changes})
    assert says in (await refusal(proofs, bad)).message


async def test_a_jwk_without_a_coordinate_is_refused(proofs: Proofs, key: ProofKey, now: int) -> None:
    bad = key.proof(claims_at(now), jwk={name: key.jwk[name] for name in ("kty", "crv", "x")})
    assert "not strings" in (await refusal(proofs, bad)).message


async def test_a_key_of_a_larger_curve_is_refused(proofs: Proofs, now: int) -> None:
    key = ProofKey(generate_private_key(SECP384R1()))
    assert "go with its `alg`" in (await refusal(proofs, key.proof(claims_at(now)))).message


# ---------------------------------------------------------------- the signature


async def test_another_keys_signature_is_refused(proofs: Proofs, key: ProofKey, now: int) -> None:
    forged = ProofKey().proof(claims_at(now), jwk=key.jwk)
    assert "not signed" in (await refusal(proofs, forged)).message


async def test_an_altered_payload_is_refused(proofs: Proofs, key: ProofKey, now: int) -> None:
    header, _, signature = key.proof(claims_at(now)).split(".")
    altered = f"{header}.{b64(json.dumps(claims_at(now)).encode())}.{signature}"
    assert "not signed" in (await refusal(proofs, altered)).message


@pytest.mark.parametrize("signature", [bytes(64), bytes(63), bytes(65), b"\xff" * 64, b"\x00"])
@pytest.mark.parametrize("key", [ProofKey(), ProofKey(Ed25519PrivateKey.generate())], ids=ALG)
async def test_a_made_up_signature_is_refused(
    key: ProofKey, signature: bytes, proofs: Proofs, now: int
) -> None:
    message = key.proof(claims_at(now)).rpartition(".")[0]
    assert "not signed" in (await refusal(proofs, f"{message}.{b64(signature)}")).message


async def test_a_signature_with_a_zero_too_many_is_refused(proofs: Proofs, key: ProofKey, now: int) -> None:
    message = key.proof(claims_at(now)).rpartition(".")[0]
    signature = key.sign(message.encode())
    longer = b64(signature[:32] + b"\0" + signature[32:])
    assert "not signed" in (await refusal(proofs, f"{message}.{longer}")).message


async def test_a_der_signature_is_refused(proofs: Proofs, now: int) -> None:
    private = generate_private_key(SECP256R1())
    message = ProofKey(private).proof(claims_at(now)).rpartition(".")[0]
    der = private.sign(message.encode(), ECDSA(SHA256()))
    assert "not signed" in (await refusal(proofs, f"{message}.{b64(der)}")).message


async def test_an_ed25519_key_that_is_no_point_is_refused(proofs: Proofs, now: int) -> None:
    key = ProofKey(Ed25519PrivateKey.generate())
    bad = key.proof(claims_at(now), jwk={**key.jwk, "x": b64(b"\xff" * 32)})
    assert "`jwk`" in (await refusal(proofs, bad)).message


IDENTITY = b"\x01" + bytes(31)
SMALL_ORDER = {
    "the identity": IDENTITY,
    "the identity with its sign bit": IDENTITY[:31] + b"\x80",
    "the identity, not canonical": (2**255 - 18).to_bytes(32, "little"),
    "order 2": (2**255 - 20).to_bytes(32, "little"),
    "order 4": bytes(32),
    "order 4 with its sign bit": bytes(31) + b"\x80",
    "order 4, not canonical": (2**255 - 19).to_bytes(32, "little"),
    "order 8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    "order 8, the other": bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
}


@pytest.mark.parametrize("point", SMALL_ORDER.values(), ids=SMALL_ORDER)
async def test_an_ed25519_key_that_anybody_can_sign_for_is_refused(
    point: bytes, proofs: Proofs, now: int
) -> None:
    key = ProofKey(Ed25519PrivateKey.generate())
    for _ in range(24):  # of such signatures at least every eighth would be good
        message = key.proof(claims_at(now), jwk={**key.jwk, "x": b64(point)}).rpartition(".")[0]
        assert "not signed" in (await refusal(proofs, f"{message}.{b64(IDENTITY + bytes(32))}")).message


# ---------------------------------------------------------------- the claims


CLAIMS: dict[str, tuple[dict[str, object], str]] = {
    "no htm": ({"htm": None}, "`htm`"),
    "another method": ({"htm": "GET"}, "`htm`"),
    "the method in small letters": ({"htm": "post"}, "`htm`"),
    "a method that is no string": ({"htm": ["POST"]}, "`htm`"),
    "no htu": ({"htu": None}, "`htu`"),
    "an htu that is no string": ({"htu": 1}, "`htu`"),
    "an empty htu": ({"htu": ""}, "`htu`"),
    "another host": ({"htu": "https://evil.example/graphql"}, "`htu`"),
    "another scheme": ({"htu": "http://auth.example/graphql"}, "`htu`"),
    "another scheme at our port": ({"htu": "http://auth.example:443/graphql"}, "`htu`"),
    "an unknown scheme": ({"htu": "ws://auth.example/graphql"}, "`htu`"),
    "another port": ({"htu": "https://auth.example:8443/graphql"}, "`htu`"),
    "port zero": ({"htu": "https://auth.example:0/graphql"}, "`htu`"),
    "an impossible port": ({"htu": "https://auth.example:99999/graphql"}, "`htu`"),
    "a port that is no number": ({"htu": "https://auth.example:x/graphql"}, "`htu`"),
    "an impossible host": ({"htu": "https://[/graphql"}, "`htu`"),
    "another path": ({"htu": "https://auth.example/graphql/"}, "`htu`"),
    "a path in capitals": ({"htu": "https://auth.example/GraphQL"}, "`htu`"),
    "no path": ({"htu": "https://auth.example"}, "`htu`"),
    "a path alone": ({"htu": "/graphql"}, "`htu`"),
    "our host as another's user": ({"htu": "https://auth.example@evil.example/graphql"}, "`htu`"),
    "a user at our host": ({"htu": "https://ada:secret@auth.example/graphql"}, "`htu`"),
    "an empty user at our host": ({"htu": "https://@auth.example/graphql"}, "`htu`"),
    "white space before": ({"htu": " https://auth.example/graphql"}, "`htu`"),
    "a line feed within": ({"htu": "https://auth.exa\nmple/graphql"}, "`htu`"),
    "a look-alike letter": ({"htu": "https://\u0430uth.example/graphql"}, "`htu`"),
    "no iat": ({"iat": None}, "`iat`"),
    "an iat that is a string": ({"iat": "1562262616"}, "`iat`"),
    "an iat of 1970": ({"iat": 0}, "`iat`"),
    "an iat of the year 33658": ({"iat": 10**12}, "`iat`"),
    "an iat of 500 digits": ({"iat": 10**500}, "`iat`"),
    "an iat that is infinite": ({"iat": float("inf")}, "not JSON"),
    "no jti": ({"jti": None}, "`jti`"),
    "an empty jti": ({"jti": ""}, "`jti`"),
    "a long jti": ({"jti": "x" * 256}, "`jti`"),
    "a jti that is no string": ({"jti": 1}, "`jti`"),
    "an ath without an access token": ({"ath": ascii_hash(TOKEN)}, "`ath`"),
    "a nonce that is not ours": ({"nonce": "eyJ7S_zG.eyJH0-Z.HX4w-7v"}, "`nonce`"),
    "a nonce that is no string": ({"nonce": 5}, "`nonce`"),
}


@pytest.mark.parametrize(("changes", "says"), CLAIMS.values(), ids=CLAIMS)
async def test_a_bad_claim_is_refused(
    changes: dict[str, object], says: str, proofs: Proofs, key: ProofKey, now: int
) -> None:
    assert says in (await refusal(proofs, key.proof(claims_at(now, **changes)))).message


async def test_true_is_no_time_though_it_counts_as_one_in_python(key: ProofKey) -> None:
    assert "`iat`" in (await refusal(proofs_at(Standing(1)), key.proof(claims_at(True)))).message


async def test_a_fraction_of_a_second_in_iat_is_refused(proofs: Proofs, key: ProofKey, now: int) -> None:
    assert "`iat`" in (await refusal(proofs, key.proof(claims_at(now, iat=float(now))))).message


@pytest.mark.parametrize("offset", [-120, -61, 61, 120])
async def test_a_clients_clock_may_not_be_off_by_more_than_a_minute(
    offset: int, proofs: Proofs, key: ProofKey, now: int
) -> None:
    assert "`iat`" in (await refusal(proofs, key.proof(claims_at(now + offset)))).message


ATHS: dict[str, object] = {
    "none": None,
    "another token's": ascii_hash("another.access.token"),
    "with padding": f"{ascii_hash(TOKEN)}=",
    "the token itself": TOKEN,
    "no string": [ascii_hash(TOKEN)],
}


@pytest.mark.parametrize("ath", ATHS.values(), ids=ATHS)
async def test_another_ath_than_the_access_tokens_is_refused(
    ath: object, proofs: Proofs, key: ProofKey, now: int
) -> None:
    proof = key.proof(claims_at(now, ath=ath))
    assert "`ath`" in (await refusal(proofs, proof, access_token=TOKEN)).message


async def test_an_access_token_beyond_ascii_has_no_hash(proofs: Proofs, key: ProofKey, now: int) -> None:
    proof = key.proof(claims_at(now, ath=ascii_hash(TOKEN)))
    assert "`ath`" in (await refusal(proofs, proof, access_token="é")).message


# ---------------------------------------------------------------- nonces


async def test_a_refusal_for_the_nonce_brings_one_that_is_taken(
    clock: ManualClock, key: ProofKey, now: int
) -> None:
    proofs = proofs_at(clock, require_nonce=True)
    demand = await refusal(proofs, key.proof(claims_at(now)))
    assert (demand.code, demand.reason) == ("INVALID_DPOP_PROOF", "use_dpop_nonce")
    await verify(proofs, key.proof(claims_at(now, nonce=demand.nonce)))


async def test_an_old_nonce_is_answered_with_a_new_one(clock: ManualClock, key: ProofKey, now: int) -> None:
    proofs = proofs_at(clock)
    old = (await refusal(proofs, key.proof(claims_at(now, nonce="")))).nonce
    await verify(proofs, key.proof(claims_at(now, nonce=old)))
    clock.advance(2 * WINDOW_SECONDS)
    now += 2 * WINDOW_SECONDS
    demand = await refusal(proofs, key.proof(claims_at(now, nonce=old)))
    assert demand.nonce not in (None, old)


async def test_other_refusals_demand_no_nonce(proofs: Proofs, key: ProofKey, now: int) -> None:
    refused = await refusal(proofs, key.proof(claims_at(now, htm="GET")))
    assert (refused.reason, refused.nonce) == ("invalid_dpop_proof", None)


# ---------------------------------------------------------------- replays


async def test_a_proof_is_good_once(proofs: Proofs, key: ProofKey, now: int) -> None:
    proof = key.proof(claims_at(now))
    await verify(proofs, proof)
    assert "used before" in (await refusal(proofs, proof)).message


async def test_another_proof_with_a_used_jti_is_refused(proofs: Proofs, key: ProofKey, now: int) -> None:
    await verify(proofs, key.proof(claims_at(now, jti="1")))
    assert "used before" in (await refusal(proofs, key.proof(claims_at(now - 1, jti="1")))).message


async def test_nobody_uses_up_another_keys_jti(proofs: Proofs, key: ProofKey, now: int) -> None:
    await verify(proofs, ProofKey().proof(claims_at(now, jti="1")))
    await verify(proofs, key.proof(claims_at(now, jti="1")))


async def test_of_a_hundred_uses_at_once_one_passes(proofs: Proofs, key: ProofKey, now: int) -> None:
    proof = key.proof(claims_at(now))
    answers = await asyncio.gather(*(verify(proofs, proof) for _ in range(100)), return_exceptions=True)
    assert [type(answer) for answer in answers if isinstance(answer, str)] == [str]
    assert {type(answer) for answer in answers if not isinstance(answer, str)} == {InvalidProof}


@pytest.mark.parametrize("offset", [-60, 0, 60])
async def test_a_proof_is_remembered_for_as_long_as_it_is_fresh(
    offset: int, proofs: Proofs, clock: ManualClock, key: ProofKey, now: int
) -> None:
    proof = key.proof(claims_at(now + offset))
    await verify(proofs, proof)
    messages = []
    for _ in range(123):
        messages.append((await refusal(proofs, proof)).message)
        clock.advance(1)
    assert ["used before" in message for message in messages] == [True] * (61 + offset) + [False] * (
        62 - offset
    )


async def test_a_proof_is_remembered_until_it_is_old_for_a_node_whose_clock_is_behind(key: ProofKey) -> None:
    ahead, behind = ManualClock(), ManualClock()
    shared = MemoryReplays(clock=ahead)  # which counts the seconds that it is given, as Redis does
    nodes = [
        Proofs(
            clock=clock,
            public_url=PUBLIC_URL,
            replays=shared,
            nonces=Nonces(clock=clock, sealer=Sealer([SECRET])),
            require_nonce=False,
        )
        for clock in (ahead, behind)
    ]
    ahead.advance(5)
    proof = key.proof(claims_at(int(behind.now().timestamp())))
    await verify(nodes[0], proof)
    for _ in range(61):
        assert "used before" in (await refusal(nodes[1], proof)).message
        ahead.advance(1)
        behind.advance(1)
    assert "`iat`" in (await refusal(nodes[1], proof)).message


async def test_a_refused_proof_is_not_used_up(proofs: Proofs, key: ProofKey, now: int) -> None:
    proof = key.proof(claims_at(now, ath=ascii_hash(TOKEN)))
    await refusal(proofs, proof)
    await verify(proofs, proof, access_token=TOKEN)


async def test_a_flood_of_proofs_makes_no_used_one_good_again(
    clock: ManualClock, key: ProofKey, now: int
) -> None:
    proofs = proofs_at(clock, capacity=10)
    used = [key.proof(claims_at(now)) for _ in range(10)]
    for proof in used:
        await verify(proofs, proof)
    assert "no room" in (await refusal(proofs, key.proof(claims_at(now)))).message
    for proof in used:
        await refusal(proofs, proof)


# ---------------------------------------------------------------- whatever comes


KEYS = [ProofKey(), ProofKey(Ed25519PrivateKey.generate())]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(), max_size=50)
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
near_misses = st.sampled_from(["POST", "EC", "OKP", "P-256", "ES256", "EdDSA", "dpop+jwt", b64(bytes(32))])
values = near_misses | anything
any_text = st.text(st.characters(exclude_categories=()), max_size=50)


@st.composite
def _proofs(draw: st.DrawFn) -> str:
    key = draw(st.sampled_from(KEYS))
    jwk = {
        **key.jwk,
        **draw(st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "d"]), values, max_size=2)),
    }
    header = draw(st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "crit", "kid"]), values, max_size=2))
    names = st.sampled_from(["jti", "htm", "htu", "iat", "ath", "nonce"])
    claims = draw(st.dictionaries(names, values | st.from_regex(r"https?://.*", fullmatch=True), max_size=3))
    return key.proof({**claims_at(MOMENT), **claims}, **{"jwk": jwk, **header})


def _outcome(headers: list[str], *, method: str, path: str, access_token: str | None) -> str | InvalidProof:
    async def run() -> str | InvalidProof:
        try:
            return await verified(
                proofs_at(Standing(MOMENT)), headers, method=method, path=path, access_token=access_token
            )
        except InvalidProof as error:
            return error

    return asyncio.run(run())


@settings(max_examples=500, deadline=None)
@given(
    header=_proofs() | any_text | st.from_regex(r"[\w-]+\.[\w-]+\.[\w-]+"),
    method=st.just("POST") | any_text,
    path=st.just("/graphql") | any_text,
    access_token=st.none() | any_text,
)
def test_whatever_comes_the_answer_is_a_key_or_a_refusal(
    header: str, method: str, path: str, access_token: str | None
) -> None:
    outcome = _outcome([header], method=method, path=path, access_token=access_token)
    assert isinstance(outcome, InvalidProof) or len(outcome) == 43


@settings(max_examples=300, deadline=None)
@given(header=st.binary(max_size=200), payload=st.binary(max_size=200))
def test_signed_rubbish_is_refused(header: bytes, payload: bytes) -> None:
    proof = KEYS[0].signed(header, payload)
    refused = _outcome([proof], method="POST", path="/graphql", access_token=None)
    assert isinstance(refused, InvalidProof)


@settings(max_examples=300, deadline=None)
@given(payload=st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()))
def test_rubbish_under_a_good_header_is_refused(payload: bytes) -> None:
    proof = KEYS[0].signed(json.dumps(KEYS[0].header()).encode(), payload)
    refused = _outcome([proof], method="POST", path="/graphql", access_token=None)
    assert isinstance(refused, InvalidProof)
