"""What each method of Nimbus is called when somebody asks for leave, and whose business it is.

Source: storm:storm-client/src/jvm/org/apache/storm/security/auth/authorizer/SimpleACLAuthorizer.java and the
calls of checkAuthorization in storm:storm-server/src/main/java/org/apache/storm/daemon/nimbus/Nimbus.java
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


class Business(enum.Enum):
    """Who may do it, besides admins."""

    USER = enum.auto()
    """Whoever may use the cluster."""

    READER = enum.auto()
    """Who may see the topology."""

    OWNER = enum.auto()
    """Who may change the topology."""

    SUPERVISOR = enum.auto()
    """The supervisors of the cluster."""

    ANYBODY = enum.auto()
    """Whoever may call at all; blobs have lists of their own."""


class Names(enum.Enum):
    """What the first argument says of a topology."""

    NOTHING = enum.auto()
    NAME = enum.auto()
    ID = enum.auto()
    ID_OR_NAME = enum.auto()


@dataclass(frozen=True, slots=True)
class Operation:
    """What a method does, in the words of authorizers."""

    name: str
    business: Business
    names: Names


_TABLE: Final = """
    USER        NOTHING     fileUpload                   beginFileUpload uploadChunk finishFileUpload
    USER        NAME        submitTopology               submitTopology submitTopologyWithOpts
    USER        NAME        isTopologyNameAllowed        isTopologyNameAllowed
    USER        NAME        getTopologySummaryByName     getTopologySummaryByName
    USER        ID          getTopologySummary           getTopologySummary
    USER        NOTHING     getNimbusConf                getNimbusConf
    USER        NOTHING     getClusterInfo               getClusterInfo
    USER        NOTHING     getLeader                    getLeader
    USER        NOTHING     getTopologySummaries         getTopologySummaries
    USER        NOTHING     getSupervisorPageInfo        getSupervisorPageInfo
    USER        NOTHING     getOwnerResourceSummaries    getOwnerResourceSummaries
    READER      ID          getTopologyConf              getTopologyConf
    READER      ID          getTopology                  getTopology
    READER      ID          getUserTopology              getUserTopology
    READER      ID          getTopologyInfo              getTopologyInfo getTopologyInfoWithOpts
    READER      NAME        getTopologyInfo              getTopologyInfoByName getTopologyInfoByNameWithOpts
    READER      ID          getTopologyPageInfo          getTopologyPageInfo
    READER      ID          getComponentPageInfo         getComponentPageInfo
    READER      ID          getComponentPendingProfileActions  getComponentPendingProfileActions
    READER      ID_OR_NAME  getLogConfig                 getLogConfig
    OWNER       NAME        killTopology                 killTopology killTopologyWithOpts
    OWNER       NAME        rebalance                    rebalance getRebalancePlan
    OWNER       NAME        activate                     activate
    OWNER       NAME        deactivate                   deactivate
    OWNER       NAME        uploadNewCredentials         uploadNewCredentials
    OWNER       NAME        debug                        debug
    OWNER       ID_OR_NAME  setLogConfig                 setLogConfig
    OWNER       ID          setWorkerProfiler            setWorkerProfiler
    SUPERVISOR  NOTHING     sendSupervisorWorkerHeartbeat  sendSupervisorWorkerHeartbeat
    SUPERVISOR  NOTHING     fileDownload                 beginFileDownload downloadChunk
    SUPERVISOR  NOTHING     processWorkerMetrics         processWorkerMetrics
    SUPERVISOR  NOTHING     getSupervisorAssignments     getSupervisorAssignments
    SUPERVISOR  NOTHING     sendSupervisorWorkerHeartbeats  sendSupervisorWorkerHeartbeats
    ANYBODY     NOTHING     blobs                        beginCreateBlob beginUpdateBlob uploadBlobChunk
    ANYBODY     NOTHING     blobs                        finishBlobUpload cancelBlobUpload getBlobMeta
    ANYBODY     NOTHING     blobs                        setBlobMeta beginBlobDownload downloadBlobChunk
    ANYBODY     NOTHING     blobs                        deleteBlob listBlobs getBlobReplication
    ANYBODY     NOTHING     blobs                        updateBlobReplication createStateInZookeeper
    ANYBODY     NOTHING     blobs                        isRemoteBlobExists
    ANYBODY     NOTHING     getTopologyHistory           getTopologyHistory
"""


def _operations() -> Iterator[tuple[str, Operation]]:
    for line in _TABLE.strip().splitlines():
        business, names, name, *methods = line.split()
        operation = Operation(name, Business[business], Names[names])
        for method in methods:
            yield method, operation


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(dict(_operations()))
