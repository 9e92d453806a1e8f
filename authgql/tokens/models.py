"""The refresh tokens' table: hashes alone, one row for each generation of a session's chain."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from authgql.core.secrets import new_id
from authgql.sessions.models import Session


class RefreshToken(Model):
    """One generation; its successor is readable, for a short while, to who holds this one's token."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    session_id: UUID
    session: fields.ForeignKeyRelation[Session] = fields.ForeignKeyField(
        "models.Session", related_name=False, on_delete=fields.CASCADE, db_index=False
    )
    generation = fields.IntField()
    token_hash = fields.CharField(max_length=64, unique=True)
    issued_at = fields.DatetimeField()
    spent_at = fields.DatetimeField(null=True)
    sealed_successor = fields.TextField(null=True)

    class Meta:
        """The database itself keeps a chain from forking."""

        table = "refresh_tokens"
        unique_together = (("session", "generation"),)
