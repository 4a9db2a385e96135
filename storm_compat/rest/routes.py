"""The routes of Storm's UI below /api/v1; each calls the handler's methods and shows what they return.

The handler runs in this process, on this loop: there is no second Nimbus client, no copy of anything, and an
error is the one that a Thrift client would get.

Source: storm:storm-webapp/src/main/java/org/apache/storm/daemon/ui/resources/StormApiResource.java
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from storm_compat.errors import BadRequest
from storm_compat.rest import cluster, component, orders, topology, visualization
from storm_compat.rest.queries import flag, number, window
from storm_compat.rest.replies import json_text, page
from storm_compat.rest.texts import Site
from storm_compat.thrift import idl

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PART: Final = "[^/]+"  # aiohttp's own would leave out braces
_TOPOLOGY: Final = f"/api/v1/topology/{{id:{_PART}}}"
_PROFILING_OFF: Final = {"status": "disabled", "message": "Profiling is not enabled on this server"}


class UnsupportedCall(Exception):
    """The handler has no such method yet."""


class Api:
    """The routes over one handler, an object with Nimbus' methods; ``site`` is asked anew for every page."""

    def __init__(
        self, nimbus: object, site: Callable[[], Site], *, wall: Callable[[], float] = time.time
    ) -> None:
        self._nimbus = nimbus
        self._site = site
        self._wall = wall

    def routes(self) -> list[web.RouteDef]:
        """Return all routes; what is not listed is not there."""
        return [
            web.get("/api/v1/cluster/configuration", self._configuration),
            web.get("/api/v1/cluster/summary", self._cluster),
            web.get("/api/v1/nimbus/summary", self._nimbuses),
            web.get("/api/v1/supervisor/summary", self._supervisors),
            web.get("/api/v1/supervisor", self._supervisor),
            web.get("/api/v1/owner-resources", self._owners),
            web.get(f"/api/v1/owner-resources/{{owner:{_PART}}}", self._owner),
            web.get("/api/v1/history/summary", self._history),
            web.get("/api/v1/topology/summary", self._topologies),
            web.get(f"/api/v1/topology-workers/{{id:{_PART}}}", self._workers),
            web.get(_TOPOLOGY, self._topology),
            web.get(f"{_TOPOLOGY}/metrics", self._topology),
            web.get(f"{_TOPOLOGY}/lag", self._lag),
            web.get(f"{_TOPOLOGY}/visualization-init", self._stream_boxes),
            web.get(f"{_TOPOLOGY}/visualization", self._graph),
            web.get(f"{_TOPOLOGY}/logconfig", self._log_levels),
            # streamparse does not encode what it puts into a path.
            web.get(f"{_TOPOLOGY}/component/{{component:(?s:.+)}}", self._component),
            web.post(f"{_TOPOLOGY}/logconfig", self._set_log_levels),
            web.post(f"{_TOPOLOGY}/activate", self._activate),
            web.post(f"{_TOPOLOGY}/deactivate", self._deactivate),
            web.post(f"{_TOPOLOGY}/rebalance/{{wait}}", self._rebalance),
            web.post(f"{_TOPOLOGY}/kill/{{wait}}", self._kill),
            web.post(f"{_TOPOLOGY}/debug/{{action}}/{{percent}}", self._debug),
            web.post(
                f"{_TOPOLOGY}/component/{{component:{_PART}}}/debug/{{action}}/{{percent}}", self._debug
            ),
            web.post(f"{_TOPOLOGY}/profiling/start/{{worker}}/{{minutes}}", self._start_profiling),
            *(
                web.post(f"{_TOPOLOGY}/profiling/{verb}/{{worker}}", self._profiling(action))
                for verb, action in _profile_actions().items()
            ),
        ]

    # ---- the cluster

    async def _configuration(self, request: web.Request) -> web.Response:
        conf: str = await self._call("getNimbusConf")
        return json_text(request, conf.encode())

    async def _cluster(self, request: web.Request) -> web.Response:
        info = await self._call("getClusterInfo")
        return page(request, cluster.cluster_summary(info, self._site()))

    async def _nimbuses(self, request: web.Request) -> web.Response:
        info = await self._call("getClusterInfo")
        return page(request, cluster.nimbus_summary(info, self._site()))

    async def _supervisors(self, request: web.Request) -> web.Response:
        info = await self._call("getClusterInfo")
        return page(request, cluster.supervisor_summary(info.supervisors, self._site()))

    async def _supervisor(self, request: web.Request) -> web.Response:
        supervisor, host = request.query.get("id"), request.query.get("host")
        info = await self._call("getSupervisorPageInfo", supervisor, host, flag(request.query, "sys"))
        return page(request, cluster.supervisor_page(info, self._site()))

    async def _owners(self, request: web.Request) -> web.Response:
        owners = await self._call("getOwnerResourceSummaries", None)
        return page(request, cluster.owner_list(owners, self._site()))

    async def _owner(self, request: web.Request) -> web.Response:
        owner = request.match_info["owner"]
        owners = await self._call("getOwnerResourceSummaries", owner)
        topologies = await self._call("getTopologySummaries")
        return page(request, cluster.owner_page(owner, owners, topologies, self._site()))

    async def _history(self, request: web.Request) -> web.Response:
        return page(request, cluster.history(await self._call("getTopologyHistory", None)))

    # ---- topologies

    async def _topologies(self, request: web.Request) -> web.Response:
        topologies = await self._call("getTopologySummaries")
        return page(request, cluster.topology_list(topologies, self._site()))

    async def _topology(self, request: web.Request) -> web.Response:
        asked = window(request.query)
        info = await self._call("getTopologyPageInfo", _id(request), asked, flag(request.query, "sys"))
        return page(request, topology.topology_page(info, asked, self._site(), self._wall()))

    async def _workers(self, request: web.Request) -> web.Response:
        return page(request, topology.worker_list(await self._info(request), self._site()))

    async def _component(self, request: web.Request) -> web.Response:
        storm = idl.load()
        topology_id, name, asked = _id(request), request.match_info["component"], window(request.query)
        info = await self._call("getComponentPageInfo", topology_id, name, asked, flag(request.query, "sys"))
        profiled = []
        if self._is_profiling:
            action = storm.ProfileAction.JPROFILE_STOP
            profiled = await self._call("getComponentPendingProfileActions", topology_id, name, action)
        shown = component.component_page(
            info,
            topology_id,
            asked,
            self._site(),
            self._wall(),
            is_spout=info.component_type == storm.ComponentType.SPOUT,
            profiled=profiled,
        )
        return page(request, shown)

    async def _lag(self, request: web.Request) -> web.Response:
        """Answer as Storm does by default: it asks Kafka only if ui.disable.spout.lag.monitoring is false."""
        await self._call("getTopologySummary", _id(request))
        return page(request, {})

    async def _graph(self, request: web.Request) -> web.Response:
        return page(request, await self._nodes(request))

    async def _stream_boxes(self, request: web.Request) -> web.Response:
        return page(request, visualization.stream_boxes(await self._nodes(request)))

    async def _nodes(self, request: web.Request) -> cluster.Page:
        asked = window(request.query)
        info = await self._info(request)
        code = await self._call("getTopology", _id(request))
        return visualization.graph(code, info, asked, has_system=flag(request.query, "sys"))

    async def _log_levels(self, request: web.Request) -> web.Response:
        return page(request, topology.log_levels(await self._call("getLogConfig", _id(request))))

    # ---- orders

    async def _set_log_levels(self, request: web.Request) -> web.Response:
        for config in orders.log_configs(await _body(request)):
            await self._call("setLogConfig", _id(request), config)
        return await self._log_levels(request)

    async def _activate(self, request: web.Request) -> web.Response:
        await self._call("activate", await self._name(request))
        return _done(request, "activate")

    async def _deactivate(self, request: web.Request) -> web.Response:
        await self._call("deactivate", await self._name(request))
        return _done(request, "deactivate")

    async def _rebalance(self, request: web.Request) -> web.Response:
        options = orders.rebalance_options(request.match_info["wait"], await _body(request))
        await self._call("rebalance", await self._name(request), options)
        return _done(request, "rebalance")

    async def _kill(self, request: web.Request) -> web.Response:
        options = idl.load().KillOptions(wait_secs=orders.wait_s(request.match_info["wait"]))
        await self._call("killTopologyWithOpts", await self._name(request), options)
        return _done(request, "kill")

    async def _debug(self, request: web.Request) -> web.Response:
        asked = request.match_info
        is_on, percent = orders.is_on(asked["action"]), number(asked["percent"], "the percentage")
        name = await self._name(request)
        await self._call("debug", name, asked.get("component", ""), is_on, float(percent))
        return _done(request, f"debug/{asked['action']}")

    # ---- profiling

    async def _start_profiling(self, request: web.Request) -> web.Response:
        minutes = number(request.match_info["minutes"], "the number of minutes")
        until_ms = int((self._wall() + 60 * minutes) * 1000)
        worker = request.match_info["worker"]
        done = await self._profile(request, idl.load().ProfileAction.JPROFILE_STOP, until_ms)
        if done["status"] == "ok":
            host, _, port = worker.rpartition(":")
            link = self._site().dump_link(_id(request), host, int(port))
            done |= {"timeout": request.match_info["minutes"], "dumplink": link}
        return page(request, done)

    def _profiling(self, action: str) -> Handler:
        """Return the handler of one of the orders that only name a worker."""

        async def order(request: web.Request) -> web.Response:
            is_end = action == "JPROFILE_STOP"
            until_ms = 0 if is_end else int(self._wall() * 1000)
            return page(
                request, await self._profile(request, getattr(idl.load().ProfileAction, action), until_ms)
            )

        return order

    async def _profile(self, request: web.Request, action: int, until_ms: int) -> cluster.Page:
        worker = request.match_info["worker"]
        profile = orders.profile_request(worker, action, until_ms)
        # No JVM is needed for that one, and no profiler.
        if action != idl.load().ProfileAction.JVM_RESTART and not self._is_profiling:
            return dict(_PROFILING_OFF)
        await self._call("setWorkerProfiler", _id(request), profile)
        return {"status": "ok", "id": worker}

    # ---- behind the routes

    @property
    def _is_profiling(self) -> bool:
        return bool(self._site().conf.get("worker.profiler.enabled"))

    async def _call(self, method: str, *arguments: Any) -> Any:
        """Return what a method of Nimbus returns, at once or in a while; its errors are passed on."""
        found = getattr(self._nimbus, method, None)
        if found is None:
            raise UnsupportedCall(f"{method} is not supported yet")
        result = found(*arguments)
        return await result if inspect.isawaitable(result) else result

    async def _info(self, request: web.Request) -> Any:
        storm = idl.load()
        options = storm.GetInfoOptions(num_err_choice=storm.NumErrorsChoice.NONE)
        return await self._call("getTopologyInfoWithOpts", _id(request), options)

    async def _name(self, request: web.Request) -> str:
        """Return the name of the topology whose id is in the path; orders go by name."""
        summary = await self._call("getTopologySummary", _id(request))
        return str(summary.name)


def _profile_actions() -> dict[str, str]:
    """Return the word in the path -> the action, as Storm maps them."""
    return {
        "stop": "JPROFILE_STOP",
        "dumpprofile": "JPROFILE_DUMP",
        "dumpjstack": "JSTACK_DUMP",
        "dumpheap": "JMAP_DUMP",
        "restartworker": "JVM_RESTART",
    }


def _id(request: web.Request) -> str:
    return request.match_info["id"]


def _done(request: web.Request, operation: str) -> web.Response:
    return page(request, {"topologyOperation": operation, "topologyId": _id(request), "status": "success"})


async def _body(request: web.Request) -> str:
    try:
        return (await request.read()).decode()
    except UnicodeDecodeError as exc:
        raise BadRequest(f"the body must be UTF-8: {exc}") from exc
