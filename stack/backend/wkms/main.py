"""The application: what it is made of, and the order in which it starts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from wkms import auth, backends, chat, documents, health, http, stats
from wkms.settings import Settings, load


def app() -> FastAPI:
    """Make the application from the environment (what uvicorn calls)."""
    http.set_up_log()
    return make(load())


def make(settings: Settings) -> FastAPI:
    """Make the application. The middleware added last sees a request first."""

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        async with backends.opened(settings) as held:
            api.state.backends = held
            yield

    api = FastAPI(title="WKMS", lifespan=lifespan, openapi_url=None)
    api.state.settings = settings
    for router in (health.router, documents.router, chat.router, stats.router):
        api.include_router(router)
    http.add_error_answers(api)
    api.add_middleware(auth.Guard, token=settings.api_token)
    api.add_middleware(http.RequestLog)
    return api
