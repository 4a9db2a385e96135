"""The whole web application over a nimbus whose processes are faked, and an HTTP client beside it."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from storm_compat import conf as confs
from storm_compat.access.authorizer import Authorizer
from storm_compat.access.guard import Guarded, groups_of
from storm_compat.nimbus import Nimbus
from storm_compat.rest.app import application
from storm_compat.stats import Machine
from storm_compat.uploads import Uploads
from tests.storm_compat.fakes import World, play

Http = TestClient[web.Request, web.Application]
Story = Callable[["Site"], Awaitable[None]]


class Site:
    """What stories use: a client, the world behind it, and where logs lie."""

    def __init__(self, client: Http, world: World, topologies: Any) -> None:
        self.client = client
        self.world = world
        self.topologies = topologies
        self.logs = world.layout.logs

    async def submit(self, name: str = "wc") -> str:
        await self.topologies.submit(self.world.submission(name))
        return str(self.topologies.named(name).topology_id)

    async def get(self, path: str, status: int = 200, **headers: str) -> Any:
        """Return the JSON at /api/v1/PATH."""
        async with self.client.get(f"/api/v1/{path}", headers=_names(headers)) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return json.loads(text)

    async def post(self, path: str, status: int = 200, body: object = None, **headers: str) -> Any:
        data = None if body is None else io.BytesIO(json.dumps(body).encode())
        async with self.client.post(f"/api/v1/{path}", data=data, headers=_names(headers)) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return json.loads(text)

    async def raw(self, path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        async with self.client.get(path, headers=_names(headers)) as answer:
            return answer.status, answer.headers, await answer.read()


def serve(folder: Path, story: Story, *, may_write: bool = True, handler: object = None, **conf: Any) -> None:
    """Play a story against the application, over the real handler unless there is another one."""
    world = World(folder)

    async def whole() -> None:
        machine = Machine(
            host="h", port=1, version="2.8.2", started_at_s=world.now, cpu_count=2, memory_mb=1000
        )
        world.layout.logs.mkdir(parents=True, exist_ok=True)
        more = {key.replace("__", "."): value for key, value in conf.items()}
        cluster_conf = confs.cluster({"storm.log.dir": str(world.layout.logs)}) | more
        async with world.nimbus() as topologies:
            blobs = world.blobs(topologies)
            nimbus = Nimbus(
                topologies, Uploads(world.layout.inbox), world.depot, machine, cluster_conf,
                blobs=blobs, wall=lambda: world.now,
            )  # fmt: skip
            guarded = Guarded(nimbus, Authorizer.from_conf(cluster_conf, groups_of), topologies)
            app = application(
                handler or guarded,
                topologies,
                cluster_conf,
                log_address="127.0.0.1:8000",
                may_write=may_write,
            )
            async with TestClient(TestServer(app)) as client:
                await story(Site(client, world, topologies))
            blobs.close()

    play(whole)


def _names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
