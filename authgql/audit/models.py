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


class AuditBlock(Model):
    """A part of the trail that is sealed: the events with ids from `begins` on and before `ends`.

    Blocks follow each other without a gap; `digest` is of all this and of the block before. The newest has
    a `mac` over its digest and over `pruned`: up to which block the events were deleted by age.
    """

    number = fields.IntField(primary_key=True, generated=False)
    begins = fields.UUIDField()
    ends = fields.UUIDField()
    events = fields.IntField()
    content = fields.CharField(max_length=64)
    digest = fields.CharField(max_length=64)
    pruned = fields.IntField()
    mac = fields.CharField(max_length=32, null=True)
    sealed_at = fields.DatetimeField()

    class Meta:
        """Read from the end, or from one number to another."""

        table = "audit_blocks"
