import pytest
from conftest import MakeApp
from support.accounts import (
    account,
    login,
    newest_event,
    promote,
    reauthenticate,
    register,
    update_profile,
    verify_email,
)
from support.app import Application, SignedIn, together
from support.documents import ME
from support.mail import text_of

from authgql.audit.events import Origin

USER = "query User($username: String!) { user(username: $username) { id email emailVerified pendingEmail } }"


async def test_nobody_is_null_and_the_owner_sees_everything(app: Application) -> None:
    assert (await app.gql(ME)).only is None
    ada = await app.signed_up()
    assert (await app.gql(ME, token=ada.access)).only == {
        "id": ada.user_id,
        "username": "ada",
        "firstName": None,
        "lastName": None,
        "email": "ada@example.com",
        "emailVerified": False,
        "pendingEmail": None,
    }


@pytest.mark.parametrize("spelling", ["ada", "ADA"])
async def test_one_finds_oneself_by_name(app: Application, spelling: str) -> None:
    ada = await app.signed_up()
    found = (await app.gql(USER, {"username": spelling}, token=ada.access)).only
    assert found["email"] == "ada@example.com"


async def test_others_are_forbidden_whether_they_exist_or_not(app: Application) -> None:
    ada = await app.signed_up()
    await app.register("grace")
    answers = [
        await app.gql(USER, {"username": name}, token=ada.access) for name in ("grace", "nobody", "\0", "")
    ]
    assert all(answer.body == answers[0].body for answer in answers)
    assert answers[0].codes == ["FORBIDDEN"]
    assert answers[0].body["data"] == {"user": None}


async def test_nobody_asks_for_others(app: Application) -> None:
    await app.register()
    assert (await app.gql(USER, {"username": "ada"})).codes == ["UNAUTHENTICATED"]


async def test_an_administrator_finds_anybody_and_hears_of_nobody(app: Application) -> None:
    root = await app.signed_up("root")
    await promote(app, "root")
    await app.register()
    found = (await app.gql(USER, {"username": "ada"}, token=root.access)).only
    assert (found["email"], found["emailVerified"]) == ("ada@example.com", False)
    assert (await app.gql(USER, {"username": "nobody"}, token=root.access)).codes == ["NOT_FOUND"]


async def test_only_somebody_signed_in_changes_a_profile(app: Application) -> None:
    await app.register()
    answer = await app.gql('mutation { updateProfile(input: {username: "eve"}) { __typename } }')
    assert answer.codes == ["UNAUTHENTICATED"]
    assert (await account(app))["username"] == "ada"


async def test_what_is_left_out_stays_and_null_clears_a_name(app: Application) -> None:
    await register(app, "ada", "ada@example.com", firstName="Ada", lastName="King")
    ada = await app.login()
    user = (await update_profile(app, ada.access, lastName="Lovelace"))["user"]
    assert (user["firstName"], user["lastName"]) == ("Ada", "Lovelace")
    user = (await update_profile(app, ada.access, firstName=None, lastName=""))["user"]
    assert (user["firstName"], user["lastName"]) == (None, None)
    row = await account(app)
    assert (row["first_name"], row["last_name"], row["username"]) == (None, None, "ada")
    assert (await newest_event(app))["kind"] == "account.updated"


async def test_changing_nothing_changes_nothing(app: Application) -> None:
    ada = await app.signed_up()
    before = await app.events()
    assert (await update_profile(app, ada.access))["user"]["username"] == "ada"
    assert await app.events() == before


@pytest.mark.parametrize("field", ["username", "email"])
async def test_null_is_invalid_where_something_must_be(app: Application, field: str) -> None:
    ada = await app.signed_up()
    result = await update_profile(app, ada.access, **{field: None})
    assert (result["__typename"], result["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert [wrong["path"] for wrong in result["fields"]] == [field]
    row = await account(app)
    assert (row["email"], row["pending_email"]) == ("ada@example.com", None)


async def test_all_wrong_fields_are_named_and_nothing_is_changed(app: Application) -> None:
    ada = await app.signed_up()
    result = await update_profile(
        app, ada.access, username="a", email="b", firstName="\0", lastName="x" * 101
    )
    assert {wrong["path"] for wrong in result["fields"]} == {"username", "email", "firstName", "lastName"}
    result = await update_profile(app, ada.access, username="grace", email=None)
    assert [wrong["path"] for wrong in result["fields"]] == ["email"]
    assert (await account(app))["username"] == "ada"


async def test_a_new_username_signs_in_and_the_old_one_is_free(app: Application) -> None:
    ada = await app.signed_up()
    assert (await update_profile(app, ada.access, username="Countess"))["user"]["username"] == "Countess"
    await app.login("countess")
    assert (await login(app, "ada"))["__typename"] == "InvalidCredentials"
    assert (await register(app, "ada", "other@example.com"))["__typename"] == "RegisterSuccess"


async def test_ones_own_username_may_be_spelt_anew(app: Application) -> None:
    ada = await app.signed_up()
    assert (await update_profile(app, ada.access, username="ADA"))["user"]["username"] == "ADA"


async def test_a_taken_username_is_told_and_nothing_else_is_changed(app: Application) -> None:
    await app.register("grace")
    ada = await app.signed_up()
    result = await update_profile(app, ada.access, username="GRACE", firstName="Ada", email="new@example.com")
    assert (result["__typename"], result["code"]) == ("UsernameTaken", "USERNAME_TAKEN")
    row, event = await account(app), await newest_event(app)
    assert (row["first_name"], row["pending_email"]) == (None, None)
    assert (event["kind"], event["subject"]) == ("profile.refused", row["pseudonym"])
    assert event["detail"] == "A change of the profile was refused: username taken."
    assert app.mail.to("new@example.com") == []


@pytest.mark.parametrize("taken", ["grace@example.com", "GRACE@Example.com", "grac\uff45@example.com"])
async def test_a_taken_address_is_told(app: Application, taken: str) -> None:
    await app.register("grace")
    ada = await app.signed_up()
    result = await update_profile(app, ada.access, email=taken)
    assert (result["__typename"], result["code"]) == ("EmailTaken", "EMAIL_TAKEN")
    row, event = await account(app), await newest_event(app)
    assert row["pending_email"] is None
    assert (event["kind"], event["subject"]) == ("profile.refused", row["pseudonym"])
    assert event["detail"] == "A change of the profile was refused: email taken."


async def test_a_new_address_waits_for_its_proof_and_the_old_one_hears_of_it(app: Application) -> None:
    ada = await app.signed_up()
    user = (await update_profile(app, ada.access, email="ada@new.example.com"))["user"]
    assert (user["email"], user["pendingEmail"]) == ("ada@example.com", "ada@new.example.com")
    warning = text_of(await app.mail.wait_for("ada@example.com", 2))
    assert "ada@new.example.com" in warning
    assert "#token=" not in warning
    assert (await app.events())[-3:] == [
        "account.updated",
        "email.change_requested",
        "email.verification_sent",
    ]
    result = await verify_email(app, await app.mail.token_for("ada@new.example.com"))
    assert result["__typename"] == "VerifyEmailSuccess"
    row = await account(app)
    assert (row["email"], row["pending_email"]) == ("ada@new.example.com", None)
    assert row["email_verified_at"] is not None
    assert (await newest_event(app))["kind"] == "email.changed"
    assert (await login(app, "ada@new.example.com"))["__typename"] == "LoginSuccess"
    assert (await login(app, "ada@example.com"))["__typename"] == "InvalidCredentials"


async def test_asking_for_the_address_in_force_cancels_the_pending_one(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="ada@new.example.com")
    token = await app.mail.token_for("ada@new.example.com")
    user = (await update_profile(app, ada.access, email="ada@example.com"))["user"]
    assert (user["email"], user["pendingEmail"]) == ("ada@example.com", None)
    assert (await verify_email(app, token))["__typename"] == "InvalidToken"
    assert (await account(app))["email"] == "ada@example.com"


async def test_the_newest_asked_for_address_alone_can_be_proved(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="one@example.com")
    first = await app.mail.token_for("one@example.com")
    await update_profile(app, ada.access, email="two@example.com")
    assert (await verify_email(app, first))["__typename"] == "InvalidToken"
    token = await app.mail.token_for("two@example.com")
    assert (await verify_email(app, token))["__typename"] == "VerifyEmailSuccess"
    assert (await account(app))["email"] == "two@example.com"


async def test_ones_own_address_may_be_spelt_anew_once_that_is_proved(app: Application) -> None:
    ada = await app.signed_up()
    user = (await update_profile(app, ada.access, email="Ada@Example.com"))["user"]
    assert (user["email"], user["pendingEmail"]) == ("ada@example.com", "Ada@Example.com")
    await verify_email(app, await app.mail.token_for("Ada@Example.com"))
    assert (await account(app))["email"] == "Ada@Example.com"


async def test_a_stale_login_may_not_change_the_address(make_app: MakeApp) -> None:
    app = await make_app(reauthentication_max_age=60)
    ada = await app.signed_up()
    app.clock.advance(60)
    assert (await update_profile(app, ada.access, email="one@example.com"))["user"]["pendingEmail"]
    app.clock.advance(1)
    result = await update_profile(app, ada.access, email="two@example.com", firstName="Ada")
    assert (result["__typename"], result["code"]) == ("ReauthenticationRequired", "REAUTHENTICATION_REQUIRED")
    assert result["maxAge"] == 60
    row, event = await account(app), await newest_event(app)
    assert (row["pending_email"], row["first_name"]) == ("one@example.com", None)
    assert (event["kind"], event["subject"]) == ("profile.refused", row["pseudonym"])
    assert event["detail"] == "A change of the profile was refused: reauthentication required."


async def test_whether_an_address_is_taken_is_not_told_to_a_stale_login(app: Application) -> None:
    await app.register("grace")
    ada = await app.signed_up()
    app.clock.advance(601)
    fresh = await app.login()
    result = await update_profile(app, fresh.access, email="grace@example.com")
    assert result["__typename"] == "EmailTaken"
    assert await _stale(app, ada, "grace@example.com") == await _stale(app, ada, "free@example.com")


async def _stale(app: Application, ada: SignedIn, email: str) -> str:
    renewed = await app.refresh(ada.refresh)
    result = await update_profile(app, renewed["tokens"]["accessToken"], email=email)
    name: str = result["__typename"]
    assert name == "ReauthenticationRequired"
    return name


async def test_the_rest_of_the_profile_needs_no_fresh_login(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="ada@new.example.com")
    app.clock.advance(599)
    same = await update_profile(app, ada.access, username="countess", email="ada@example.com")
    assert same["user"]["username"] == "countess"
    assert same["user"]["pendingEmail"] is None


async def test_giving_the_password_again_makes_a_login_fresh(make_app: MakeApp) -> None:
    app = await make_app(reauthentication_max_age=60)
    ada = await app.signed_up()
    app.clock.advance(300)
    assert (await reauthenticate(app, ada.access))["__typename"] == "ReauthenticateSuccess"
    assert (await update_profile(app, ada.access, email="one@example.com"))["user"]["pendingEmail"]


async def test_of_two_who_take_a_username_at_once_one_gets_it(app: Application) -> None:
    people = [await app.signed_up(name) for name in ("ada", "grace", "mary", "joan")]
    results = await together(*(update_profile(app, one.access, username="queen") for one in people))
    kinds = sorted(result["__typename"] for result in results)
    assert kinds == ["UpdateProfileSuccess", *["UsernameTaken"] * 3]
    assert (await app.events()).count("profile.refused") == 3


async def test_an_account_erased_meanwhile_is_not_changed_nor_mailed(app: Application) -> None:
    await app.register()
    services = app.system.services
    ada = await services.accounts.by_username("ada")
    assert ada is not None
    origin = Origin(ip_address="127.0.0.1", user_agent="")
    await services.accounts.erase(ada, origin=origin)
    events = await app.events()
    assert await services.verification.resend(ada, origin=origin) == "ada@example.com"
    changes = {"username": "eve", "email": "eve@example.com"}
    await services.profile.update(ada, changes, authenticated_at=app.clock.now(), origin=origin)
    assert await app.events() == events
    assert await app.rows("SELECT * FROM one_time_links") == []
    assert await app.rows("SELECT * FROM accounts") == []
