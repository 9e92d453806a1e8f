"""The signing keys' table."""

from tortoise import fields
from tortoise.models import Model


class SigningKey(Model):
    """A key pair: the public half as a JWK, the private half sealed for this row alone.

    It is published from the start, signs from `signs_from` until a newer one does, and verifies until
    `retired_at`.
    """

    kid = fields.CharField(max_length=43, primary_key=True)
    algorithm = fields.CharField(max_length=8)
    public_jwk = fields.TextField()
    sealed_private_key = fields.TextField()
    created_at = fields.DatetimeField()
    signs_from = fields.DatetimeField()
    retired_at = fields.DatetimeField(null=True)

    class Meta:
        """A handful of rows, read whole."""

        table = "signing_keys"
