"""The table of wrong passwords in a row."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model


class PasswordFailures(Model):
    """How many wrong passwords in a row an account was given by one source; `key` is a hash of the two.

    Some rows are nobody's: a failure with a name that nobody has costs the same writing.
    """

    key = fields.CharField(max_length=64, primary_key=True)
    account_id: UUID | None
    account: fields.ForeignKeyNullableRelation[Model] = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=False, null=True
    )
    failures = fields.IntField()

    class Meta:
        """Counted by key, forgotten by account."""

        table = "password_failures"
