"""Every method has an answer to the question whose business it is."""

from __future__ import annotations

from storm_compat.access.operations import OPERATIONS, Business, Names
from storm_compat.thrift import idl


def test_every_method_of_the_interface_is_there_and_nothing_else() -> None:
    assert set(OPERATIONS) == set(idl.load().Nimbus.thrift_services)


def test_who_owns_or_reads_a_topology_is_asked_only_where_one_is_named() -> None:
    for operation in OPERATIONS.values():
        if operation.business in {Business.OWNER, Business.READER}:
            assert operation.names is not Names.NOTHING


def test_first_arguments_that_name_a_topology_are_called_so_in_the_interface() -> None:
    words = {Names.NAME: {"name"}, Names.ID: {"id", "topology_id"}, Names.ID_OR_NAME: {"name"}}
    for method, operation in OPERATIONS.items():
        if operation.names in words:
            first = getattr(idl.load().Nimbus, f"{method}_args").thrift_spec[1][1]
            assert first in words[operation.names], method


def test_everything_that_changes_a_topology_is_its_owners_business() -> None:
    owners = {operation.name for operation in OPERATIONS.values() if operation.business is Business.OWNER}
    assert owners == {
        "killTopology", "rebalance", "activate", "deactivate", "uploadNewCredentials", "debug",
        "setLogConfig", "setWorkerProfiler",
    }  # fmt: skip
