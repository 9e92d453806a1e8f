"""The table of single-use links."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from authgql.core.secrets import new_id


class OneTimeLink(Model):
    """The one link of a target for a purpose: a newer one takes the older one's row.

    The target is the account itself, or one of its sessions.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    account_id: UUID
    account: fields.ForeignKeyRelation[Model] = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    target_id = fields.UUIDField()
    purpose = fields.CharField(max_length=32)
    token_hash = fields.CharField(max_length=64, unique=True)
    email = fields.CharField(max_length=254)
    issued_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    spent_at = fields.DatetimeField(null=True)

    class Meta:
        """The database itself keeps a second live link of one purpose from existing."""

        table = "one_time_links"
        unique_together = (("target_id", "purpose"),)
