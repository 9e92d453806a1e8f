"""Over a thousand spellings of an access token: the handful of good ones pass, and nothing else does."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from jwt.algorithms import ECAlgorithm, OKPAlgorithm
from support.app import ManualClock
from support.keys import keys_with

from authgql.keys.service import Key
from authgql.tokens.access import AccessTokens, BadAccessToken

FILES: Final = sorted((Path(__file__).parent / "vectors").glob("access_token_*.json"))
GROUPS: Final = {"valid", "alg", "HMAC confusion", "signature", "content", "spelling", "header", "claims"}


def read(file: Path) -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads(file.read_text())
    return vectors


def verifier(vectors: dict[str, Any]) -> AccessTokens:
    """Return what verifies tokens at the vectors' moment, knowing their key alone."""
    kind = ECAlgorithm if vectors["algorithm"] == "ES256" else OKPAlgorithm
    moment = datetime.fromtimestamp(vectors["now"], UTC)
    clock = ManualClock()
    clock.advance((moment - clock.now()).total_seconds())
    keys = keys_with(clock)
    keys._keys[vectors["kid"]] = Key(  # noqa: SLF001 -- a key that is in no database
        kid=vectors["kid"],
        algorithm=vectors["algorithm"],
        private_key=kind.from_jwk(vectors["key"]),  # type: ignore[arg-type] # of the two kinds, the private one
        public_jwk={},
        created_at=moment,
        signs_from=moment,
    )
    return AccessTokens(clock=clock, keys=keys, issuer=vectors["issuer"], audience=vectors["audience"])


def outcome(access: AccessTokens, token: str) -> str:
    """Tell what a token proves; anything but these two outcomes would be a crash."""
    try:
        access.verify(token)
    except BadAccessToken:
        return "invalid"
    return "valid"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_vector_has_its_result(file: Path) -> None:
    vectors = read(file)
    access = verifier(vectors)
    wrong = [
        f"{test['tcId']} {test['comment']}"
        for test in vectors["tests"]
        if outcome(access, test["jwt"]) != test["result"]
    ]
    assert wrong == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_vectors_are_all_there_and_differ(file: Path) -> None:
    vectors = read(file)
    tests = vectors["tests"]
    assert vectors["numberOfTests"] == len(tests) > 550
    assert [test["tcId"] for test in tests] == list(range(1, len(tests) + 1))
    assert {test["group"] for test in tests} == GROUPS
    assert 8 <= sum(test["result"] == "valid" for test in tests) <= 9


def test_there_is_a_file_for_each_algorithm() -> None:
    assert [read(file)["algorithm"] for file in FILES] == ["EdDSA", "ES256"]
