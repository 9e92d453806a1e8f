"""fastapi-users with its database strategy on PostgreSQL: the token is looked up at every request."""

import argparse
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport
from fastapi_users.authentication.strategy.db import AccessTokenDatabase, DatabaseStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
given = parser.parse_args()
engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=10
)
session_maker = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """The tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """An account."""


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    """A session."""


class UserRead(schemas.BaseUser[uuid.UUID]):
    """What is shown."""


class UserCreate(schemas.BaseUserCreate):
    """What is given."""


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    """As the documentation has it."""


async def session() -> AsyncIterator[AsyncSession]:
    """Open a session of SQLAlchemy's."""
    async with session_maker() as opened:
        yield opened


async def users(opened: AsyncSession = Depends(session)) -> AsyncIterator[SQLAlchemyUserDatabase]:
    """Reach the accounts."""
    yield SQLAlchemyUserDatabase(opened, User)


async def tokens(opened: AsyncSession = Depends(session)) -> AsyncIterator[SQLAlchemyAccessTokenDatabase]:
    """Reach the sessions."""
    yield SQLAlchemyAccessTokenDatabase(opened, AccessToken)


async def manager(database: SQLAlchemyUserDatabase = Depends(users)) -> AsyncIterator[UserManager]:
    """Manage the accounts."""
    yield UserManager(database)


def strategy(database: AccessTokenDatabase[AccessToken] = Depends(tokens)) -> DatabaseStrategy:
    """Look tokens up."""
    return DatabaseStrategy(database, lifetime_seconds=3600)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


backend = AuthenticationBackend("db", BearerTransport("auth/login"), strategy)
every = FastAPIUsers[User, uuid.UUID](manager, [backend])
app = FastAPI(lifespan=lifespan)
app.include_router(every.get_auth_router(backend), prefix="/auth")
app.include_router(every.get_register_router(UserRead, UserCreate), prefix="/auth")
app.include_router(every.get_users_router(UserRead, UserCreate), prefix="/users")


@app.get("/healthz")
async def health() -> dict[str, str]:
    """Say that all is well."""
    return {"status": "ok"}


uvicorn.run(app, port=given.port, loop="uvloop", http="httptools", access_log=False, log_level="warning")
