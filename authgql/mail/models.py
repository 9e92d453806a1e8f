"""The outbox's table."""

from tortoise import fields
from tortoise.models import Model

from authgql.core.secrets import new_id


class OutboxMail(Model):
    """A mail to be sent; what it says is sealed, and wiped once it has gone."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    account: fields.ForeignKeyNullableRelation[Model] = fields.ForeignKeyField(
        "models.Account", related_name=False, null=True, on_delete=fields.CASCADE, db_index=True
    )
    template = fields.CharField(max_length=64)
    sealed_content = fields.TextField(null=True)
    created_at = fields.DatetimeField()
    due_at = fields.DatetimeField(null=True)
    useless_after = fields.DatetimeField(null=True)
    attempts = fields.IntField(default=0)
    sent_at = fields.DatetimeField(null=True)
    abandoned_at = fields.DatetimeField(null=True)

    class Meta:
        """`due_at` is null once there is nothing left to do."""

        table = "outbox_mails"
        indexes = (("due_at",),)
