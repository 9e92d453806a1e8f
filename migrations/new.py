"""Begins a migration for both databases: `make migration NAME=add_something`."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent / "models"
TEMPLATE = '''"""{sentence}."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = False  # `authgql migrate` runs all that is missing in one transaction of its own

TYPES = {{
    "sqlite": {{"uuid": "CHAR(36)", "time": "TIMESTAMP", "bool": "INT"}},
    "postgres": {{"uuid": "UUID", "time": "TIMESTAMPTZ", "bool": "BOOL"}},
}}

UPGRADE = """
-- ALTER TABLE "accounts" ADD COLUMN "seen_at" {{time}};
"""

DOWNGRADE = """
-- ALTER TABLE "accounts" DROP COLUMN "seen_at";
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE.format(**TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE.format(**TYPES[db.capabilities.dialect])
'''


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        print("Name the change: make migration NAME=add_something", file=sys.stderr)
        return 2
    numbers = [int(file.name.split("_")[0]) for file in FOLDER.glob("[0-9]*_*.py")]
    file = FOLDER / f"{max(numbers) + 1}_{datetime.now(UTC):%Y%m%d}_{name}.py"
    file.write_text(TEMPLATE.format(sentence=name.replace("_", " ").capitalize()))
    print(f"{file.relative_to(FOLDER.parents[1])}: write its SQL; tests/core/test_migrations.py compares it with the models.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
