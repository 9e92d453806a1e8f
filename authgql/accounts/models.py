"""The accounts' table."""

from tortoise import fields
from tortoise.models import Model

from authgql.core.secrets import new_id, new_pseudonym


class Account(Model):
    """Somebody who can sign in.

    `username` and `email` keep the given spelling; the `_key` columns hold what is compared. The trail
    knows the account as `pseudonym`, which is gone with this row.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    pseudonym = fields.UUIDField(default=new_pseudonym)
    username = fields.CharField(max_length=64)
    username_key = fields.CharField(max_length=64, unique=True)
    email = fields.CharField(max_length=254)
    email_key = fields.CharField(max_length=320, unique=True)
    email_verified_at = fields.DatetimeField(null=True)
    pending_email = fields.CharField(max_length=254, null=True)
    first_name = fields.CharField(max_length=100, null=True)
    last_name = fields.CharField(max_length=100, null=True)
    password_hash = fields.CharField(max_length=255)
    password_changed_at = fields.DatetimeField()
    is_admin = fields.BooleanField(default=False)
    locked_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        """Found by id, by username and by e-mail address."""

        table = "accounts"
