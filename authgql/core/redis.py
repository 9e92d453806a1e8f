"""The Redis, or Valkey, that several nodes share: asked with deadlines, and closed with the server."""

from typing import Final

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

PATIENCE_SECONDS: Final = 2.0

AWAY: Final = (RedisConnectionError, RedisTimeoutError, OSError)
"""What a call raises while Redis cannot be reached, or does not answer within `PATIENCE_SECONDS`."""


def connect(url: str) -> Redis:
    """Return a client with a pool of its own; it connects at its first command and again after each loss."""
    return Redis.from_url(url, socket_connect_timeout=PATIENCE_SECONDS, socket_timeout=PATIENCE_SECONDS)
