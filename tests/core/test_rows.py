"""Rows that statements of our own write and read are those that the ORM writes and reads."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from support.app import Application
from tortoise import fields
from tortoise.models import Model

from authgql.accounts.models import Account
from authgql.audit.models import SecurityEventRecord
from authgql.core.rows import Rows
from authgql.core.statements import Statement
from authgql.mail.models import OutboxMail
from authgql.sessions.models import Session
from authgql.tokens.models import RefreshToken

LATER = datetime(2126, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)  # to come, or a loop would send or wipe the row
SAMPLES: Mapping[type, object] = {
    fields.BooleanField: True,
    fields.CharField: "ß",
    fields.DatetimeField: LATER,
    fields.IntField: 7,
    fields.TextField: "\N{SNOWMAN} 'quoted'; $1 :now ?1",
}
WRITTEN = [SecurityEventRecord, OutboxMail, Session, RefreshToken]


def values(model: type[Model], known: Mapping[str, object], *, empty: bool) -> dict[str, Any]:
    """Return a value for each column that has no default, and for all others unless they stay `empty`."""
    columns = model._meta.fields_db_projection  # noqa: SLF001 -- Tortoise's description
    described = {name: model._meta.fields_map[name] for name in columns}  # noqa: SLF001 -- the same
    wanted = {
        name: field
        for name, field in described.items()
        if name != "id" and not (empty and (field.null or field.default is not None))
    }
    return {
        name: known.get(name) or (uuid4() if type(field) is fields.UUIDField else SAMPLES[type(field)])
        for name, field in wanted.items()
    }


@pytest.mark.parametrize("model", WRITTEN)
@pytest.mark.parametrize("empty", [True, False], ids=["defaults", "every-column"])
async def test_an_inserted_row_is_what_the_orm_then_reads(
    app: Application, model: type[Model], empty: bool
) -> None:
    ada = await app.signed_up()
    known = {"account_id": UUID(ada.user_id), "session_id": UUID(ada.session_id)}
    rows = Rows(model)
    row = rows.new(**values(model, known, empty=empty))
    await rows.insert(row)
    assert vars(await model.get(id=row.pk)) == vars(row)


@pytest.mark.usefixtures("app")
def test_a_row_is_not_made_without_its_columns_nor_with_others() -> None:
    with pytest.raises(TypeError, match="security_events: missing or unknown: at, kind"):
        Rows(SecurityEventRecord).new()
    with pytest.raises(TypeError, match="security_events: missing or unknown: colour"):
        Rows(SecurityEventRecord).new(kind="a", at=LATER, colour="red")


async def test_a_statement_names_its_values_and_uses_one_twice(app: Application) -> None:
    ada = await app.signed_up()
    change = Statement('UPDATE "accounts" SET "username" = :name, "first_name" = :name WHERE "id" = :id')
    assert await change.count(id=UUID(ada.user_id), name="grace") == 1
    assert await change.count(id=uuid4(), name="grace") == 0
    held = Statement('SELECT "username", "first_name" FROM "accounts" WHERE "id" = :id FOR NO KEY UPDATE')
    assert await held.rows(id=UUID(ada.user_id)) == [("grace", "grace")]
    assert await held.rows(id=uuid4()) == []
    account = await Account.get(id=ada.user_id)
    assert (account.username, account.first_name) == ("grace", "grace")
