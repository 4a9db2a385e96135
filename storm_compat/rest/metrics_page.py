"""/metrics: asks every topology process once, and writes what `metrics` makes of the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, Metric, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from scheduler.control.messages import Answer
from storm_compat.alive import Alive
from storm_compat.rest.metrics import Seen, families
from storm_compat.rest.replies import reading_headers
from storm_compat.stats import Machine

ASKED_AT_ONCE: Final = 16


class Asked(Protocol):
    """The topologies, as `storm_compat.topologies.Topologies` has them."""

    def all(self) -> list[Alive]:
        """Return every topology."""

    async def answer(self, alive: Alive) -> Answer:
        """Return what its process knows; no containers if it does not answer soon."""


class MetricsPage:
    """The route, over the topologies of one nimbus."""

    def __init__(
        self, topologies: Asked, machine: Callable[[], Machine], *, wall: Callable[[], float] = time.time
    ) -> None:
        self._topologies = topologies
        self._machine = machine
        self._wall = wall
        self._process = CollectorRegistry(auto_describe=False)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._process)

    def routes(self) -> list[web.RouteDef]:
        """Return the one route."""
        return [web.get("/metrics", self._metrics)]

    async def _metrics(self, request: web.Request) -> web.Response:
        # Thousands of series take a while to make, and nimbus answers others meanwhile.
        text = await asyncio.to_thread(self._text, await self._seen(), self._machine(), self._wall())
        headers = {**reading_headers(request), "Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=text, headers=headers)

    def _text(self, seen: Sequence[Seen], machine: Machine, now: float) -> bytes:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Collected(families(seen, machine, now)))
        return generate_latest(registry) + generate_latest(self._process)

    async def _seen(self) -> list[Seen]:
        """Return all topologies with their answers, asked a few at a time."""
        turn = asyncio.Semaphore(ASKED_AT_ONCE)

        async def ask(alive: Alive) -> Seen:
            async with turn:
                return Seen(alive, await self._topologies.answer(alive))

        return list(await asyncio.gather(*(ask(alive) for alive in self._topologies.all())))


class Collected:
    """What prometheus_client calls a collector, over metrics that are there already."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
