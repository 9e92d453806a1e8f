import pytest
from conftest import MakeApp
from support.accounts import WRONG_PASSWORD, login, newest_event, register, update_profile
from support.app import PASSWORD, Application
from support.documents import REGISTER
from support.mail import text_of

ACCOUNTS = "SELECT * FROM accounts"


async def test_a_new_account_sees_its_private_fields_and_is_not_signed_in(app: Application) -> None:
    answer = await app.gql(
        REGISTER,
        {
            "input": {
                "username": "Ada",
                "email": "Ada@example.com",
                "password": PASSWORD,
                "firstName": "Ada",
                "lastName": "Lovelace",
            }
        },
    )
    user = answer.only["user"]
    (row,) = await app.rows(ACCOUNTS)
    assert user.pop("id") == str(row["id"])
    assert user.pop("createdAt")
    assert user == {
        "username": "Ada",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "Ada@example.com",
        "emailVerified": False,
        "pendingEmail": None,
    }
    assert "set-cookie" not in answer.headers
    assert await app.rows("SELECT * FROM sessions") == []
    assert await app.events() == ["account.registered", "email.verification_sent"]


async def test_the_list_of_sessions_of_a_new_account_is_empty_and_its_own(app: Application) -> None:
    query = """
        mutation($input: RegisterInput!) {
          register(input: $input) { ... on RegisterSuccess { user { sessions { totalCount nodes { id } } } } }
        }"""
    given = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    result = (await app.gql(query, {"input": given})).only
    assert result["user"]["sessions"] == {"totalCount": 0, "nodes": []}


async def test_registering_sends_a_link_to_the_address(app: Application) -> None:
    await app.register()
    mail = await app.mail.wait_for("ada@example.com")
    assert "https://id.example.com/account/verify-email#token=agl_" in text_of(mail)


@pytest.mark.parametrize("name", ["   ", None])
async def test_an_empty_name_is_none(app: Application, name: str | None) -> None:
    result = await register(app, "ada", "ada@example.com", firstName=name)
    assert result["user"]["firstName"] is None


async def test_the_password_is_stored_as_an_argon2id_hash_alone(app: Application) -> None:
    await app.register()
    (row,) = await app.rows(ACCOUNTS)
    assert row["password_hash"].startswith("$argon2id$")
    assert PASSWORD not in str(row)


@pytest.mark.parametrize("spelling", ["Ada", "aDA"])
async def test_a_taken_username_is_told_in_any_spelling(app: Application, spelling: str) -> None:
    await app.register("Ada")
    result = await register(app, spelling, "other@example.com")
    assert (result["__typename"], result["code"]) == ("UsernameTaken", "USERNAME_TAKEN")
    event = await newest_event(app)
    assert (event["kind"], event["subject"]) == ("registration.refused", None)
    assert event["detail"] == "Somebody tried to register: username taken."
    assert len(await app.rows(ACCOUNTS)) == 1


@pytest.mark.parametrize(
    ("taken", "spelling"),
    [
        ("ada@example.com", "ADA@Example.COM"),
        ("ada@example.com", "\uff41da@e\ufe0fxample.com"),
        ("jos\u00e9@exämple.de", "jose\u0301@xn--exmple-cua.de"),
    ],
)
async def test_a_taken_address_is_told_in_any_spelling(app: Application, taken: str, spelling: str) -> None:
    await app.register("ada", taken)
    result = await register(app, "grace", spelling)
    assert (result["__typename"], result["code"]) == ("EmailTaken", "EMAIL_TAKEN")
    event = await newest_event(app)
    assert (event["kind"], event["detail"]) == (
        "registration.refused",
        "Somebody tried to register: email taken.",
    )
    assert len(await app.rows(ACCOUNTS)) == 1


async def test_a_refusal_to_register_names_nobody_but_the_client_in_the_trail(app: Application) -> None:
    await app.register()
    await register(app, "ada", "new@example.com")
    event = await newest_event(app)
    assert event["ip_address"] == "127.0.0.1"
    assert event["user_agent"].startswith("Mozilla/5.0")
    assert event["session_id"] is None


async def test_a_pending_address_claims_nothing(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="shared@example.com")
    assert (await register(app, "grace", "shared@example.com"))["__typename"] == "RegisterSuccess"


@pytest.mark.parametrize(
    ("field", "value"),
    [("username", " ada"), ("username", "ada\0"), ("email", "ada@example"), ("email", "ada\0@example.com")],
)
async def test_a_field_that_no_account_may_have_is_named(app: Application, field: str, value: str) -> None:
    result = await register(app, **{"username": "ada", "email": "ada@example.com", field: value})
    assert (result["__typename"], result["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert [wrong["path"] for wrong in result["fields"]] == [field]
    assert await app.rows(ACCOUNTS) == []
    assert await app.events() == []


async def test_all_wrong_fields_are_named_at_once(app: Application) -> None:
    result = await register(app, "a", "b", firstName="\0", lastName="x" * 101)
    assert [field["path"] for field in result["fields"]] == ["username", "email", "firstName", "lastName"]
    assert all(field["message"] for field in result["fields"])
    assert await app.rows(ACCOUNTS) == []


@pytest.mark.parametrize("name", ["x" * 100, "Émile\u0301 O'Neil <b> 👩‍🚀"])
async def test_a_name_is_kept_as_given(app: Application, name: str) -> None:
    result = await register(app, "ada", "ada@example.com", firstName=name)
    assert result["user"]["firstName"] == name


@pytest.mark.parametrize(
    "password",
    ["", "password", "Lovelace1815", "authgql-42", f"{PASSWORD}\0"],
)
async def test_a_guessable_password_is_refused_with_advice(app: Application, password: str) -> None:
    result = await register(app, "ada", "ada@example.com", password, firstName="Ada", lastName="Lovelace")
    assert (result["__typename"], result["code"]) == ("WeakPassword", "WEAK_PASSWORD")
    assert result["message"]
    assert await app.rows(ACCOUNTS) == []
    assert await app.rows("SELECT * FROM outbox_mails") == []


async def test_a_password_of_257_characters_is_refused(app: Application) -> None:
    long = (PASSWORD * 20)[:257]
    assert (await register(app, "ada", "ada@example.com", long))["__typename"] == "WeakPassword"
    assert (await register(app, "ada", "ada@example.com", long[:256]))["__typename"] == "RegisterSuccess"
    assert (await login(app, "ada", long[:256]))["__typename"] == "LoginSuccess"


async def test_the_operator_may_demand_longer_passwords(make_app: MakeApp) -> None:
    app = await make_app(password_min_length=15)
    result = await register(app, "ada", "ada@example.com", "h7#kQ9!zmB2$xw")
    assert result["message"] == "Use at least 15 characters."


@pytest.mark.parametrize("escape", [r"\uD800", r"\u{DFFF}", r"\uDE00\uD83D"])
async def test_half_a_surrogate_pair_is_no_text(app: Application, escape: str) -> None:
    given = {"username": "ada", "email": "ada@example.com", "password": PASSWORD, "firstName": "Ada"}
    for field in given:
        arguments = " ".join(f'{name}: "{value}"' for name, value in {**given, field: f"ab{escape}c"}.items())
        answer = await app.gql(f"mutation {{ register(input: {{ {arguments} }}) {{ __typename }} }}")
        assert answer.codes == ["GRAPHQL_PARSE_FAILED"]
    assert await app.rows(ACCOUNTS) == []


async def test_half_a_surrogate_pair_is_no_json(app: Application) -> None:
    body = b'{"query": "query($u: String!) { user(username: $u) { id } }", "variables": {"u": "\\ud800"}}'
    response = await app.client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400


async def test_a_field_left_out_or_null_is_bad_user_input(app: Application) -> None:
    given: dict[str, object] = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    for field in given:
        for wrong in ({**given, field: None}, {name: given[name] for name in given if name != field}):
            assert (await app.gql(REGISTER, {"input": wrong})).codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    "password",
    [
        "😀🎉🚀🌈🍕🐙🎈🪐",
        "正しい馬電池ホチキス留め",
        "\u202eabc def ghi \u200b jkl",
    ],
)
async def test_a_password_may_be_in_any_script(app: Application, password: str) -> None:
    assert (await register(app, "ada", "ada@example.com", password))["__typename"] == "RegisterSuccess"
    assert (await login(app, "ada", password))["__typename"] == "LoginSuccess"
    assert (await login(app, "ada", password + " "))["__typename"] == "InvalidCredentials"


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("caf\u00e9-harbour-umbrella", "cafe\u0301-harbour-umbrella"),
        ("cafe\u0301-harbour-umbrella", "caf\u00e9-harbour-umbrella"),
        (
            "\u1f82\u03c9 \u1f85 \u00e9" * 36 + "!",
            "\u03b1\u0313\u0300\u0345\u03c9 \u03b1\u0314\u0301\u0345 e\u0301" * 36 + "!",
        ),
    ],
    ids=["composed first", "decomposed first", "long"],
)
async def test_a_password_is_the_same_however_its_accents_were_typed(
    app: Application, chosen: str, typed: str
) -> None:
    assert (await register(app, "ada", "ada@example.com", chosen))["__typename"] == "RegisterSuccess"
    assert (await login(app, "ada", typed))["__typename"] == "LoginSuccess"
    assert (await login(app, "ada", WRONG_PASSWORD))["__typename"] == "InvalidCredentials"
