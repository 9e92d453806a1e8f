"""The one schema: everything that `api` offers, as a Federation 2 subgraph."""

from functools import cache
from typing import Any, Final, cast

import strawberry
from graphql import GraphQLObjectType
from strawberry import ID
from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig

from authgql.api.accounts import AccountMutation, AccountQuery, User
from authgql.api.audit import AuditQuery
from authgql.api.live import Subscription
from authgql.api.passwords import PasswordMutation, PasswordQuery
from authgql.api.session_types import Session
from authgql.api.sessions import SessionMutation, SessionQuery
from authgql.api.signin import SignInMutation
from authgql.api.verification import VerificationMutation
from authgql.gate.context import Info
from authgql.gate.refusal import TRANSLATIONS
from authgql.web.federation import with_auth_directives

FEDERATION_VERSION: Final = "2.9"  # the newest that every composer in use takes
ENTITIES: Final[dict[str, type[User] | type[Session]]] = {"User": User, "Session": Session}


@strawberry.type(description="What can be asked.")
class Query(AccountQuery, SessionQuery, PasswordQuery, AuditQuery):
    """All queries."""


@strawberry.type(description="What can be done. Every result says in its type whether it was.")
class Mutation(AccountMutation, SignInMutation, SessionMutation, PasswordMutation, VerificationMutation):
    """All mutations."""


class Schema(strawberry.federation.Schema):
    """Strawberry's federation schema, with references resolved one by one and for this caller."""

    def __init__(self, *, auth_directives: bool, **given: Any) -> None:  # noqa: ANN401 -- Strawberry's own
        super().__init__(**given)
        graphql_schema = self._schema
        sdl = self.as_str() + "\n"
        self.sdl = with_auth_directives(sdl, graphql_schema) if auth_directives else sdl
        # Strawberry would print the whole schema anew for whoever asks, signed in or not.
        cast("GraphQLObjectType", graphql_schema.type_map["_Service"]).fields["sdl"].resolve = self._tell_sdl

    def _tell_sdl(self, *_: object) -> str:
        return self.sdl

    def entities_resolver(self, info: Info, representations: list[FederationAny]) -> list[FederationAny]:
        """Resolve a gateway's references: an unknown or forged one is null and spoils no other."""
        return [cast("FederationAny", _resolve(info, reference)) for reference in representations]


def _resolve(info: Info, reference: Any) -> object:  # noqa: ANN401 -- whatever a client sent
    if not isinstance(reference, dict):
        return None
    name, key = reference.get("__typename"), reference.get("id")
    entity = ENTITIES.get(name) if isinstance(name, str) else None
    # The key alone is passed on: every other member of the representation is the client's invention.
    return entity.resolve_reference(info, ID(key)) if entity and isinstance(key, str) else None


@cache
def build_schema(*, query: type = Query, mutation: type = Mutation, auth_directives: bool = False) -> Schema:
    """Build the schema, once for a process; it needs no database.

    `query` and `mutation` may be subclasses of ours with more fields. With `auth_directives` it tells
    gateways which fields need somebody signed in.
    """
    return Schema(
        auth_directives=auth_directives,
        query=query,
        mutation=mutation,
        subscription=Subscription,
        federation_version=FEDERATION_VERSION,
        exception_handlers=TRANSLATIONS,
        config=StrawberryConfig(),
    )
