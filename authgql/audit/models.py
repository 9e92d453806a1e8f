"""The audit trail's table: only added to, and stripped of addresses by age, of agents with its subject."""

from tortoise import fields
from tortoise.models import Model

from authgql.core.secrets import new_id


class SecurityEventRecord(Model):
    """One security event; `subject` is the account's pseudonym, never its id."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharField(max_length=64)
    at = fields.DatetimeField()
    subject = fields.UUIDField(null=True)
    session_id = fields.UUIDField(null=True)
    ip_address = fields.CharField(max_length=45, null=True)
    user_agent = fields.CharField(max_length=512, null=True)
    detail = fields.CharField(max_length=255, null=True)

    class Meta:
        """The owner's log is read by subject, newest first."""

        table = "security_events"
        indexes = (("subject", "id"),)
