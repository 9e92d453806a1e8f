"""The table of reset requests that wait to be looked into."""

from tortoise import fields
from tortoise.models import Model

from authgql.core.secrets import new_id


class ResetRequest(Model):
    """Somebody gave an address to reset a password with: any address, known or not."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    sealed_content = fields.TextField()
    requested_at = fields.DatetimeField()

    class Meta:
        """Rows stay for a second or so; they name people who may have no account here, hence sealed."""

        table = "reset_requests"
