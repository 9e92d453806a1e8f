"""What owners ask of their accounts: each call sends one operation and returns the union's member."""

from collections.abc import Mapping
from typing import Any

from support.app import PASSWORD, Application
from support.documents import LOGIN, REGISTER

NEW_PASSWORD = "granite-lantern-omelette-58"
WRONG_PASSWORD = "no-such-words-were-chosen-99"

REFUSED = """
  __typename
  ... on Refusal { message code }
  ... on RateLimited { retryAfter }
"""
USER = "id username firstName lastName email emailVerified pendingEmail createdAt"

UPDATE_PROFILE = f"""
mutation UpdateProfile($input: UpdateProfileInput!) {{
  updateProfile(input: $input) {{
    ... on UpdateProfileSuccess {{ user {{ {USER} }} }}
    ... on InvalidInput {{ fields {{ path message }} }}
    ... on ReauthenticationRequired {{ maxAge }}
    {REFUSED}
  }}
}}
"""
DELETE_ACCOUNT = f"""
mutation DeleteAccount($input: DeleteAccountInput!) {{
  deleteAccount(input: $input) {{ ... on DeleteAccountSuccess {{ userId }} {REFUSED} }}
}}
"""
CHANGE_PASSWORD = f"""
mutation ChangePassword($input: ChangePasswordInput!) {{
  changePassword(input: $input) {{
    ... on PasswordChanged {{ endedSessions }}
    ... on WeakPassword {{ suggestions }}
    {REFUSED}
  }}
}}
"""
REQUEST_RESET = f"""
mutation RequestPasswordReset($email: String!) {{
  requestPasswordReset(email: $email) {{
    ... on PasswordResetRequested {{ message }}
    ... on InvalidInput {{ fields {{ path message }} }}
    {REFUSED}
  }}
}}
"""
RESET_TOKEN = """
query PasswordResetToken($token: String!) {
  passwordResetToken(token: $token) {
    __typename
    ... on PasswordResetTokenValid { expiresAt }
    ... on Refusal { message code }
  }
}
"""
RESET_PASSWORD = f"""
mutation ResetPassword($input: ResetPasswordInput!) {{
  resetPassword(input: $input) {{
    ... on PasswordReset {{ message }}
    ... on WeakPassword {{ suggestions }}
    {REFUSED}
  }}
}}
"""
DISAVOW = f"""
mutation DisavowSession($token: String!) {{
  disavowSession(token: $token) {{
    ... on SessionTerminated {{ session {{ id status endReason loggedOutAt device {{ name }} }} }} {REFUSED}
  }}
}}
"""
VERIFY_EMAIL = f"""
mutation VerifyEmail($token: String!) {{
  verifyEmail(token: $token) {{ ... on VerifyEmailSuccess {{ user {{ id username }} }} {REFUSED} }}
}}
"""
RESEND = f"mutation {{ resendEmailVerification {{ ... on EmailVerificationSent {{ email }} {REFUSED} }} }}"
REAUTHENTICATE = f"""
mutation Reauthenticate($input: ReauthenticateInput!) {{
  reauthenticate(input: $input) {{ ... on ReauthenticateSuccess {{ session {{ id }} }} {REFUSED} }}
}}
"""


async def register(
    app: Application, username: str, email: str, password: str = PASSWORD, **names: str | None
) -> Any:
    given = {"username": username, "email": email, "password": password, **names}
    return (await app.gql(REGISTER, {"input": given})).only


async def login(app: Application, username: str, password: str = PASSWORD) -> Any:
    return (await app.gql(LOGIN, {"input": {"username": username, "password": password}})).only


async def update_profile(app: Application, token: str, **changes: str | None) -> Any:
    return (await app.gql(UPDATE_PROFILE, {"input": changes}, token=token)).only


async def delete_account(app: Application, token: str, password: str = PASSWORD) -> Any:
    return (await app.gql(DELETE_ACCOUNT, {"input": {"password": password}}, token=token)).only


async def change_password(
    app: Application, token: str, current: str = PASSWORD, new: str = NEW_PASSWORD
) -> Any:
    given = {"currentPassword": current, "newPassword": new}
    return (await app.gql(CHANGE_PASSWORD, {"input": given}, token=token)).only


async def request_reset(app: Application, email: str) -> Any:
    """Ask for a reset, and have the request looked into at once."""
    result = (await app.gql(REQUEST_RESET, {"email": email})).only
    await app.run_loop("reset-requests")
    return result


async def inspect_reset(app: Application, token: str) -> Any:
    return (await app.gql(RESET_TOKEN, {"token": token})).only


async def reset_password(app: Application, token: str, password: str = NEW_PASSWORD) -> Any:
    return (await app.gql(RESET_PASSWORD, {"input": {"token": token, "newPassword": password}})).only


async def verify_email(app: Application, token: str) -> Any:
    return (await app.gql(VERIFY_EMAIL, {"token": token})).only


async def disavow(app: Application, token: str) -> Any:
    return (await app.gql(DISAVOW, {"token": token})).only


async def resend(app: Application, token: str) -> Any:
    return (await app.gql(RESEND, token=token)).only


async def reauthenticate(app: Application, token: str, password: str = PASSWORD) -> Any:
    return (await app.gql(REAUTHENTICATE, {"input": {"password": password}}, token=token)).only


async def account(app: Application, username: str = "ada") -> Mapping[str, Any]:
    """Return the account's row."""
    (row,) = await app.rows("SELECT * FROM accounts WHERE username=$1", username)
    return row


async def newest_event(app: Application) -> Mapping[str, Any]:
    """Return the row that was added to the trail last."""
    (row,) = await app.rows("SELECT * FROM security_events ORDER BY id DESC LIMIT 1")
    return row


async def lock(app: Application, username: str = "ada") -> None:
    """Lock an account, as `authgql users lock` does."""
    found = await app.system.services.accounts.by_username(username)
    assert found is not None
    await app.system.services.registration.lock(found)


async def promote(app: Application, username: str = "ada") -> None:
    """Make an account an administrator, as `authgql users promote` does."""
    found = await app.system.services.accounts.by_username(username)
    assert found is not None
    await app.system.services.accounts.promote(found)
