"""What an earlier field of a request does to its caller holds for the fields after it."""

from conftest import MakeApp
from support.app import PASSWORD, Application
from support.mail import MailServer

NEXT = 'next: updateProfile(input: {firstName: "Eve"}) { __typename }'
OTHER = "granite-lantern-omelette-31"


async def test_a_reset_ends_the_caller_of_the_same_request(app: Application, mail_server: MailServer) -> None:
    ada = await app.signed_up()
    await mail_server.wait_for("ada@example.com")
    await app.gql('mutation { requestPasswordReset(email: "ada@example.com") { __typename } }')
    token = await mail_server.token_for("ada@example.com", 2)
    reset = f'resetPassword(input: {{token: "{token}", newPassword: "{OTHER}"}}) {{ __typename }}'
    answer = await app.gql(f"mutation {{ {reset} {NEXT} }}", token=ada.access)
    assert answer.codes == ["UNAUTHENTICATED"]


async def test_a_login_that_takes_the_callers_place_ends_them_within_the_request(make_app: MakeApp) -> None:
    app = await make_app(max_sessions=1)
    ada = await app.signed_up()
    login = f'login(input: {{username: "ada", password: "{PASSWORD}"}}) {{ __typename }}'
    answer = await app.gql(f"mutation {{ {login} {NEXT} }}", token=ada.access)
    assert answer.codes == ["UNAUTHENTICATED"]


async def test_a_password_changed_in_the_request_is_the_one_that_is_asked_for(app: Application) -> None:
    ada = await app.signed_up()
    changed = (
        f'changePassword(input: {{currentPassword: "{PASSWORD}", newPassword: "{OTHER}"}}) {{ __typename }}'
    )
    fragment = "fragment More on Mutation { deleteAccount(input: {password: %r}) { __typename } }"
    document = f"mutation {{ {changed} ...More }} {fragment}"
    refused = await app.gql((document % PASSWORD).replace("'", '"'), token=ada.access)
    assert refused.data["deleteAccount"] == {"__typename": "IncorrectPassword"}
    again = f'mutation {{ reauthenticate(input: {{password: "{OTHER}"}}) {{ __typename }} {NEXT} }}'
    assert (await app.gql(again, token=ada.access)).data["reauthenticate"][
        "__typename"
    ] == "ReauthenticateSuccess"


async def test_several_mutations_by_nobody_are_refused_each(app: Application) -> None:
    answer = await app.gql(f"mutation {{ logout {{ __typename }} {NEXT} }}")
    assert answer.codes == ["UNAUTHENTICATED"]
