"""A Redis that is away is told from one that is there, within a deadline."""

from pathlib import Path

import pytest
from support.redis import RedisServer

from authgql.core.redis import AWAY, connect

pytestmark = pytest.mark.redis


async def test_a_client_connects_again_to_a_server_that_went_and_came_back(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        async with connect(server.url) as client:
            await client.set("key", "value")
            server.stop()
            with pytest.raises(AWAY):
                await client.get("key")
            server.start()
            assert await client.get("key") is None


async def test_the_tests_server_is_empty(redis_url: str) -> None:
    async with connect(redis_url) as client:
        assert await client.dbsize() == 0
