"""The sessions' table: one row for each login, kept for a time after its end."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from authgql.accounts.models import Account
from authgql.core.secrets import new_id


class Session(Model):
    """One login on one device.

    `expires_at` is the sooner of idle and absolute timeout as last reckoned; `token_*` describe the
    newest access token, and `key_thumbprint` the key that the session's tokens are bound to, if any.
    `device_id` is what the device cookie calls this browser; `disavowed_at`, when its owner said that this
    login was somebody else's.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    account_id: UUID
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=False
    )
    logged_in_at = fields.DatetimeField()
    authenticated_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    absolute_expires_at = fields.DatetimeField()
    logged_out_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=32, null=True)
    ip_address = fields.CharField(max_length=45)
    city = fields.CharField(max_length=100, null=True)
    country = fields.CharField(max_length=100, null=True)
    user_agent = fields.CharField(max_length=512)
    device_name = fields.CharField(max_length=100)
    device_kind = fields.CharField(max_length=16)
    browser = fields.CharField(max_length=64, null=True)
    os = fields.CharField(max_length=64, null=True)
    device_id = fields.CharField(max_length=22, null=True)
    disavowed_at = fields.DatetimeField(null=True)
    token_id = fields.UUIDField()
    token_issued_at = fields.DatetimeField()
    token_expires_at = fields.DatetimeField()
    refreshed_count = fields.IntField(default=0)
    key_thumbprint = fields.CharField(max_length=43, null=True)

    class Meta:
        """Listed by account, newest first; ids are UUIDv7, so that their order is the logins' order."""

        table = "sessions"
        indexes = (("account_id", "id"),)


class Revocation(Model):
    """A session that ended while its newest access token, and perhaps older ones, had time to live.

    It names no account and outlives the session's row, which goes with its account. `position` is the
    writing transaction's place in the order of commits.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    position = fields.BigIntField()
    session_id = fields.UUIDField()
    token_id = fields.UUIDField()
    matters_until = fields.DatetimeField()

    class Meta:
        """Read in the order of commits, dropped when their time is over."""

        table = "revocations"
        indexes = (("position", "id"), ("matters_until",))
