"""Proving e-mail addresses."""

from typing import Annotated, TypeAlias

import strawberry

from authgql.api.accounts import User
from authgql.gate.context import Info
from authgql.gate.guards import ONCE_PER_REQUEST, SignedIn
from authgql.gate.refusal import InvalidToken, RateLimited


@strawberry.type(description="The address is proved; a pending one is now in force.")
class VerifyEmailSuccess:
    """A proved address."""

    user: User = strawberry.field(
        description="Whose address it is; private fields only if you are signed in as them."
    )


@strawberry.type(description="A mail with a link is on its way, if a proof is due.")
class EmailVerificationSent:
    """A mail on its way."""

    email: str = strawberry.field(description="The address that it goes to.")


VerifyEmailResult: TypeAlias = Annotated[
    VerifyEmailSuccess | InvalidToken | RateLimited,
    strawberry.union("VerifyEmailResult", description="What `verifyEmail` answers."),
]
ResendEmailVerificationResult: TypeAlias = Annotated[
    EmailVerificationSent | RateLimited,
    strawberry.union("ResendEmailVerificationResult", description="What `resendEmailVerification` answers."),
]


@strawberry.type
class VerificationMutation:
    """Proving addresses."""

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST,
        description="Prove an e-mail address with the token of the mail's link. Signs nobody in.",
    )
    async def verify_email(
        self,
        info: Info,
        token: Annotated[str, strawberry.argument(description="The token of the mail's link.")],
    ) -> VerifyEmailResult:
        """Prove it."""
        account = await info.context.services.verification.verify(token, origin=info.context.origin)
        return VerifyEmailSuccess(user=User.of(account, viewer=info.context.caller))

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST,
        extensions=[SignedIn()],
        description="Send the link again, to the pending address or the unproved one; the older link dies.",
    )
    async def resend_email_verification(self, info: Info) -> ResendEmailVerificationResult:
        """Send it again."""
        account, _ = info.context.require()
        email = await info.context.services.verification.resend(account, origin=info.context.origin)
        return EmailVerificationSent(email=email)
