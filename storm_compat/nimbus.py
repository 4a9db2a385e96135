"""The methods of Storm's Nimbus service, by Thrift's names; every call is passed on to who decides.

    uploads      `storm_compat.uploads`
    blobs        `storm_compat.blobs`
    submissions, life-cycle      `storm_compat.topologies`
    pages and numbers            `storm_compat.stats`
    errors                       `storm_compat.failures`, by the class decorator

All methods of the interface are here.
Arguments come as decoded; any of them may be None.
"""

# ruff: noqa: N802  Thrift's names

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import simplejson

from storm_compat import blob_map, blob_wire, caller, log_config, profiling, stats, validate
from storm_compat import conf as confs
from storm_compat.access.guard import groups_of
from storm_compat.alive import Alive
from storm_compat.blobs import Blobs
from storm_compat.caller import Transport
from storm_compat.depot import Depot
from storm_compat.errors import InvalidTopology, NotAlive
from storm_compat.failures import translating
from storm_compat.rebalance import overrides_of, shown
from storm_compat.stats import Machine
from storm_compat.submission import Submission
from storm_compat.system import with_system_parts
from storm_compat.thrift import idl
from storm_compat.thrift.check import CheckError, check
from storm_compat.topologies import Topologies
from storm_compat.uploads import Uploads

logger = logging.getLogger(__name__)


@translating
class Nimbus:
    """Handler of one cluster on one machine; ``machine`` may be set anew once the port is known."""

    def __init__(
        self,
        topologies: Topologies,
        uploads: Uploads,
        depot: Depot,
        machine: Machine,
        cluster_conf: Mapping[str, Any],
        *,
        blobs: Blobs,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._topologies = topologies
        self._uploads = uploads
        self._depot = depot
        self._blobs = blobs
        self.machine = machine
        self.machine_by_transport: Mapping[Transport, Machine] = {}
        """How those see this machine who came in by another door: they go where getLeader sends them."""
        self._cluster_conf = cluster_conf
        self._wall = wall

    # ---- uploads

    def beginFileUpload(self) -> str:
        return self._uploads.begin(self._wall())

    def uploadChunk(self, location: str | None, chunk: bytes | None) -> None:
        self._uploads.chunk(location, chunk, self._wall())

    def finishFileUpload(self, location: str | None) -> None:
        self._uploads.finish(location, self._wall())

    def beginFileDownload(self, file: str | None) -> str:
        return self._blobs.begin_file_download(
            file, str(self._cluster_conf["storm.local.dir"]), _caller(), self._wall()
        )

    def downloadChunk(self, session: str | None) -> bytes:
        return self._blobs.next_chunk(session, self._wall())

    # ---- submissions and life-cycle

    async def submitTopology(
        self, name: str | None, location: str | None, conf: str | None, code: Any
    ) -> None:
        await self._submit(name, location, conf, code, is_active=True)

    async def submitTopologyWithOpts(
        self, name: str | None, location: str | None, conf: str | None, code: Any, options: Any
    ) -> None:
        if options is None:
            raise InvalidTopology("The options of the submission are null; initial_status must be set")
        try:
            check(options, "options")
        except CheckError as exc:
            raise InvalidTopology(str(exc)) from exc
        is_active = options.initial_status == idl.load().TopologyInitialStatus.ACTIVE
        creds = None if options.creds is None else options.creds.creds
        await self._submit(name, location, conf, code, is_active=is_active, credentials=creds)

    def isTopologyNameAllowed(self, name: str | None) -> bool:
        return self._topologies.is_free(name)

    def activate(self, name: str | None) -> None:
        self._topologies.activate(name)

    def deactivate(self, name: str | None) -> None:
        self._topologies.deactivate(name)

    def killTopology(self, name: str | None) -> None:
        self._topologies.kill(name)

    def killTopologyWithOpts(self, name: str | None, options: Any) -> None:
        self._topologies.kill(name, None if options is None else options.wait_secs)

    def rebalance(self, name: str | None, options: Any) -> None:
        self._topologies.named(name)
        self._blobs.require_links(blob_map.parse(overrides_of(options)), _caller())
        self._topologies.rebalance(name, options)

    def getRebalancePlan(self, name: str | None, options: Any) -> str:
        """Answer the one method that is Heronry's own: what a rebalance would do, as JSON."""
        return simplejson.dumps(shown(self._topologies.preview(name, options)))

    # ---- looking into what runs, and credentials

    def setLogConfig(self, topology_id: str | None, config: Any) -> None:
        self._topologies.set_log_levels(self._topologies.with_id(topology_id), config)

    def getLogConfig(self, topology_id: str | None) -> Any:
        levels = self._topologies.with_id(topology_id).settings.log_levels
        return log_config.shown(levels, self._wall())

    def debug(self, name: str | None, component: str | None, enable: bool | None, pct: float | None) -> None:
        self._topologies.set_debug(name, component, pct, is_enabled=bool(enable))

    async def setWorkerProfiler(self, topology_id: str | None, request: Any) -> None:
        """Start the workers of a request again: of Storm's actions the one that needs no JVM."""
        alive = self._topologies.with_id(topology_id)
        for container_id in profiling.to_restart(request):
            await self._topologies.restart_container(alive, container_id)

    def getComponentPendingProfileActions(
        self, topology_id: str | None, _component: str | None, _action: int | None
    ) -> Any:
        """Return an empty list: what can be done is done at once."""
        self._topologies.with_id(topology_id)
        return []

    def uploadNewCredentials(self, name: str | None, credentials: Any) -> None:
        if credentials is None:
            raise InvalidTopology("The credentials are null")
        owner = credentials.topoOwner if credentials.topoOwner is not None else _caller()
        self._topologies.add_credentials(name, credentials.creds or {}, owner)

    def getTopologyHistory(self, user: str | None) -> Any:
        groups = () if user is None else groups_of(user)
        return idl.load().TopologyHistoryInfo(topo_ids=self._topologies.history(user, groups))

    # ---- the cluster

    def getLeader(self) -> Any:
        return stats.nimbus_summary(self._machine_seen(), self._wall())

    def getClusterInfo(self) -> Any:
        return stats.cluster_summary(self._topologies.all(), self._machine_seen(), self._wall())

    def getNimbusConf(self) -> str:
        return simplejson.dumps(self._cluster_conf)

    def getTopologySummaries(self) -> Any:
        return [self._summary(alive) for alive in self._topologies.all()]

    # ---- one topology

    def getTopologySummaryByName(self, name: str | None) -> Any:
        return self._summary(self._topologies.named(name))

    def getTopologySummary(self, topology_id: str | None) -> Any:
        try:
            return self._summary(self._topologies.with_id(topology_id))
        except NotAlive as exc:
            raise NotAlive.named(str(topology_id)) from exc

    async def getTopologyInfo(self, topology_id: str | None) -> Any:
        return await self._info(self._topologies.with_id(topology_id), None)

    async def getTopologyInfoWithOpts(self, topology_id: str | None, options: Any) -> Any:
        return await self._info(self._topologies.with_id(topology_id), options)

    async def getTopologyInfoByName(self, name: str | None) -> Any:
        return await self._info(self._topologies.named(name), None)

    async def getTopologyInfoByNameWithOpts(self, name: str | None, options: Any) -> Any:
        return await self._info(self._topologies.named(name), options)

    async def getTopologyPageInfo(
        self, topology_id: str | None, window: str | None, is_include_sys: bool | None
    ) -> Any:
        alive = self._topologies.with_id(topology_id)
        return stats.topology_page(
            alive,
            await self._topologies.answer(alive),
            self.machine,
            self._wall(),
            window=window,
            is_include_sys=bool(is_include_sys),
        )

    async def getComponentPageInfo(
        self,
        topology_id: str | None,
        component_id: str | None,
        window: str | None,
        is_include_sys: bool | None,
    ) -> Any:
        alive = self._topologies.with_id(topology_id)
        return stats.component_page(
            alive,
            await self._topologies.answer(alive),
            self.machine,
            self._wall(),
            component_id=component_id,
            window=window,
            is_include_sys=bool(is_include_sys),
        )

    async def getSupervisorPageInfo(
        self, supervisor_id: str | None, host: str | None, is_include_sys: bool | None
    ) -> Any:
        every = self._topologies.all()
        answers = await asyncio.gather(*map(self._topologies.answer, every))
        return stats.supervisor_page(
            [*zip(every, answers, strict=True)],
            self.machine,
            self._wall(),
            supervisor_id=supervisor_id,
            host=host,
            is_include_sys=bool(is_include_sys),
        )

    def getOwnerResourceSummaries(self, owner: str | None) -> Any:
        return stats.owner_summaries(self._topologies.all(), self.machine, self._wall(), owner=owner)

    # ---- supervisors of Storm's; what they tell changes nothing: containers tell by themselves

    def getSupervisorAssignments(self, node: str | None) -> Any:
        return stats.supervisor_assignments(
            self._topologies.all(),
            self.machine,
            self._wall(),
            node=node,
            local_dir=str(self._cluster_conf["storm.local.dir"]),
        )

    def sendSupervisorWorkerHeartbeats(self, heartbeats: Any) -> None:
        """Return; as in Storm some may be of topologies that are gone."""

    def sendSupervisorWorkerHeartbeat(self, heartbeat: Any) -> None:
        self._topologies.with_id(None if heartbeat is None else heartbeat.storm_id)

    def processWorkerMetrics(self, metrics: Any) -> None:
        """Return; no method of Nimbus would show them."""

    # ---- one topology's own

    def getTopologyConf(self, topology_id: str | None) -> str:
        return self._depot.conf(self._topologies.with_id(topology_id).topology_id)

    def getTopology(self, topology_id: str | None) -> Any:
        alive = self._topologies.with_id(topology_id)
        return with_system_parts(self._depot.code(alive.topology_id), alive.kept.topology.conf)

    def getUserTopology(self, topology_id: str | None) -> Any:
        return self._depot.code(self._topologies.with_id(topology_id).topology_id)

    # ---- blobs

    def beginCreateBlob(self, key: str | None, meta: Any) -> str:
        return self._blobs.begin_create(key, *blob_wire.settable(meta), _caller(), self._wall())

    def beginUpdateBlob(self, key: str | None) -> str:
        return self._blobs.begin_update(key, _caller(), self._wall())

    def uploadBlobChunk(self, session: str | None, chunk: bytes | None) -> None:
        self._blobs.chunk(session, chunk, self._wall())

    async def finishBlobUpload(self, session: str | None) -> None:
        await self._blobs.finish(session, self._wall())

    def cancelBlobUpload(self, session: str | None) -> None:
        self._blobs.cancel(session, self._wall())

    def getBlobMeta(self, key: str | None) -> Any:
        return blob_wire.readable(self._blobs.find(key, _caller()))

    def setBlobMeta(self, key: str | None, meta: Any) -> None:
        self._blobs.set_meta(key, *blob_wire.settable(meta), _caller())

    def beginBlobDownload(self, key: str | None) -> Any:
        session, blob = self._blobs.begin_download(key, _caller(), self._wall())
        return idl.load().BeginDownloadResult(
            version=blob.version, session=session, data_size=blob.size_bytes
        )

    def downloadBlobChunk(self, session: str | None) -> bytes:
        return self._blobs.next_chunk(session, self._wall())

    def deleteBlob(self, key: str | None) -> None:
        self._blobs.delete(key, _caller())

    def listBlobs(self, session: str | None) -> Any:
        keys, session = self._blobs.page(session, self._wall())
        return idl.load().ListBlobsResult(keys=keys, session=session)

    def getBlobReplication(self, key: str | None) -> int:
        return self._blobs.replication(key, _caller())

    def updateBlobReplication(self, key: str | None, replication: int | None) -> int:
        return self._blobs.set_replication(key, replication, _caller())

    def isRemoteBlobExists(self, key: str | None) -> bool:
        return self._blobs.has(key)

    def createStateInZookeeper(self, key: str | None) -> None:
        """Do nothing: it tells several Nimbus who has a blob."""

    # ---- behind the calls

    async def _submit(
        self,
        name: str | None,
        location: str | None,
        conf: str | None,
        code: Any,
        *,
        is_active: bool,
        credentials: Mapping[str, str] | None = None,
    ) -> None:
        """Check in Storm's order, so that of several mistakes the same one is reported."""
        validate.name(name)
        assert name is not None
        self._topologies.refuse_taken(name)
        parsed = confs.parse(conf)
        confs.check(parsed)
        links = blob_map.parse(confs.effective(self._cluster_conf, parsed))
        self._blobs.require_links(links, _caller())
        if code is None:
            raise InvalidTopology("The topology is null")
        self._blobs.require_dependencies(code.dependency_jars or (), _caller())
        jar = self._uploads.finished(location, self._wall())
        submission = Submission(
            name=name,
            conf=parsed,
            code=code,
            jar=jar,
            is_active=is_active,
            principal=_caller(),
            credentials=credentials or {},
        )
        await self._topologies.submit(submission)

    def _machine_seen(self) -> Machine:
        return self.machine_by_transport.get(caller.current().transport, self.machine)

    def _summary(self, alive: Alive) -> Any:
        return stats.topology_summary(alive, self.machine, self._wall())

    async def _info(self, alive: Alive, options: Any) -> Any:
        answer = await self._topologies.answer(alive)
        choice = None if options is None else options.num_err_choice
        return stats.topology_info(
            alive,
            answer,
            self.machine,
            self._wall(),
            choice=choice,
            limit_bytes=self._cluster_conf["nimbus.thrift.max_buffer_size"],
        )


def _caller() -> str | None:
    """Return the name that the client proved, None if nobody asked for one."""
    return caller.current().principal
