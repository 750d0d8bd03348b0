"""The connections that the application holds for its whole life, each with a limit on its patience."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import aiomysql
import anyio
import anyio.to_thread
import boto3
from botocore.config import Config
from fastapi import Request
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from wkms.settings import Settings

T = TypeVar("T")

POOL_SIZE = 10
THREADS = 16  # boto3 blocks: each call holds one of these, never the event loop
_CONNECT_SECONDS = 3
_READ_SECONDS = 10
_RECYCLE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Backends:
    """Everything behind the application."""

    settings: Settings
    pool: Any
    redis: Redis
    s3: Any
    dynamodb: Any
    threads: anyio.CapacityLimiter

    async def rows(self, sql: str, *arguments: object) -> list[dict[str, Any]]:
        """Run one query with `%s` placeholders."""
        async with self.pool.acquire() as connection, connection.cursor(aiomysql.DictCursor) as cursor:
            await cursor.execute(sql, arguments)
            return list(await cursor.fetchall())

    async def blocking(self, call: Callable[..., T], /, *arguments: object, **options: object) -> T:
        """Run a blocking call, such as one of boto3, on a thread; who stops waiting leaves the thread to end alone."""
        work = partial(call, *arguments, **options)
        return await anyio.to_thread.run_sync(work, limiter=self.threads, abandon_on_cancel=True)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Backends]:
    """Make every client. None of them connects yet: the application starts, and says that it is not ready."""
    pool = await _pool(settings)
    redis = Redis(
        host=settings.redis_host,
        password=settings.redis_password,
        decode_responses=True,
        socket_connect_timeout=1,
        socket_timeout=1,
        retry=Retry(NoBackoff(), 0),  # a cache that does not answer at once is not worth the wait
    )
    aws = partial(_aws, settings)
    try:
        yield Backends(settings, pool, redis, aws("s3"), aws("dynamodb"), anyio.CapacityLimiter(THREADS))
    finally:
        pool.close()
        await pool.wait_closed()
        await redis.aclose()


async def _pool(settings: Settings) -> Any:
    return await aiomysql.create_pool(
        minsize=0,
        maxsize=POOL_SIZE,
        host=settings.mysql_host,
        port=settings.mysql_port,
        user=settings.mysql_user,
        password=settings.mysql_password,
        db=settings.mysql_database,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=_CONNECT_SECONDS,
        pool_recycle=_RECYCLE_SECONDS,
        ssl=_tls(settings),
    )


def _aws(settings: Settings, service: str) -> Any:
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=THREADS,
        # Behind one address for all services there is no DNS name per bucket.
        s3={"addressing_style": "path"} if settings.aws_endpoint_url else {},
    )
    session = boto3.Session(region_name=settings.aws_region)
    return session.client(service, endpoint_url=settings.aws_endpoint_url, config=config)


def of(request: Request) -> Backends:
    """Return what the application opened at its start (a FastAPI dependency)."""
    backends: Backends = request.app.state.backends
    return backends


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.mysql_tls == "off":
        return None
    context = ssl.create_default_context(cafile=settings.mysql_ca)
    context.check_hostname = settings.mysql_tls == "verify"
    if settings.mysql_tls == "required":
        context.verify_mode = ssl.CERT_NONE
    return context
