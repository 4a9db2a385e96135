"""Whether somebody may do something, as Storm's SimpleACLAuthorizer decides.

    admins, and groups of them             everything
    supervisors                            what supervisors do, and nothing else
    users, and groups; none named: all     what users do
    topology.users, .groups                what owners and readers of that topology do
    topology.readonly.users, .groups       what its readers do

The first line that holds for a principal decides. A caller without a name never passes, unless nimbus trusts
those: see `Authorizer.trusts_unnamed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from storm_compat.access.operations import Business, Operation
from storm_compat.errors import InvalidConf, NotAuthorized

GroupsOf = Callable[[str], frozenset[str]]

_PACKAGE: Final = "org.apache.storm.security.auth.authorizer."


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    """Decides over calls; built from the cluster's configuration."""

    admins: frozenset[str] = frozenset()
    """Storm's nimbus.admins."""

    admin_groups: frozenset[str] = frozenset()
    """Storm's nimbus.admins.groups."""

    supervisors: frozenset[str] = frozenset()
    """Storm's nimbus.supervisor.users."""

    users: frozenset[str] = frozenset()
    """Storm's nimbus.users; empty, and no groups either: everybody with a name."""

    user_groups: frozenset[str] = frozenset()
    """Storm's nimbus.groups."""

    trusts_unnamed: bool = False
    """Whether callers without a principal, on the plain port, may do everything: so it is as long as no
    nimbus.authorizer is named, and why that port is on loopback only."""

    permits_all: bool = False
    """Storm's NoopAuthorizer."""

    permits_none: bool = False
    """Storm's DenyAuthorizer."""

    groups_of: GroupsOf = lambda user: frozenset()

    @classmethod
    def from_conf(cls, conf: Mapping[str, Any], groups_of: GroupsOf) -> Self:
        """Return the authorizer that the configuration names.

        Raises:
            InvalidConf: it is one that we do not have.
        """
        name = conf.get("nimbus.authorizer")
        kind = str(name or "").rpartition(".")[2]
        if kind not in ("", "SimpleACLAuthorizer", "NoopAuthorizer", "DenyAuthorizer"):
            raise InvalidConf(
                f"nimbus.authorizer is {name}; there are {_PACKAGE}SimpleACLAuthorizer, NoopAuthorizer and "
                "DenyAuthorizer"
            )
        return cls(
            admins=_names(conf, "nimbus.admins"),
            admin_groups=_names(conf, "nimbus.admins.groups"),
            supervisors=_names(conf, "nimbus.supervisor.users"),
            users=_names(conf, "nimbus.users"),
            user_groups=_names(conf, "nimbus.groups"),
            trusts_unnamed=kind == "",
            permits_all=kind == "NoopAuthorizer",
            permits_none=kind == "DenyAuthorizer",
            groups_of=groups_of,
        )

    def require(
        self, principal: str | None, operation: Operation, conf: Mapping[str, Any], topology: str | None
    ) -> None:
        """Return if ``principal`` may do that.

        Args:
            principal: None for a caller without a name.
            operation: what it wants to do.
            conf: of the topology that it is done to, if there is one.
            topology: its name, for the message.

        Raises:
            NotAuthorized: Storm's text.
        """
        if not self.permits(principal, operation, conf):
            where = "" if topology is None else f" on topology {topology}"
            raise NotAuthorized(f"{operation.name}{where} is not authorized")

    def permits(self, principal: str | None, operation: Operation, conf: Mapping[str, Any]) -> bool:
        """Return whether ``principal`` may do that; see `require`."""
        if self.permits_all:
            return True
        if self.permits_none:
            return False
        if principal is None:
            return self.trusts_unnamed
        if operation.business is Business.ANYBODY:
            return True
        groups = self.groups_of(principal)
        if principal in self.admins or groups & self.admin_groups:
            return True
        business = operation.business
        if principal in self.supervisors:
            return business is Business.SUPERVISOR
        if business is Business.USER:
            is_open = not self.users and not self.user_groups
            return is_open or principal in self.users or bool(groups & self.user_groups)
        if business in {Business.OWNER, Business.READER} and _is_listed(conf, "topology", principal, groups):
            return True
        return business is Business.READER and _is_listed(conf, "topology.readonly", principal, groups)


def may_act_for(conf: Mapping[str, Any], own: str, other: str, host: str, groups_of: GroupsOf) -> bool:
    """Return whether ``own``, who calls from ``host``, may act in the name of ``other``.

    Storm's nimbus.impersonation.acl: user -> hosts it may call from, groups of those it may act for; "*" is
    all. Without an entry nobody may.
    """
    entry = (conf.get("nimbus.impersonation.acl") or {}).get(own)
    if not isinstance(entry, Mapping):
        return False
    hosts, groups = _names(entry, "hosts"), _names(entry, "groups")
    if "*" not in hosts and host not in hosts:
        return False
    return "*" in groups or bool(groups & groups_of(other))


def _is_listed(conf: Mapping[str, Any], prefix: str, principal: str, groups: frozenset[str]) -> bool:
    return principal in _names(conf, f"{prefix}.users") or bool(groups & _names(conf, f"{prefix}.groups"))


def _names(conf: Mapping[str, Any], key: str) -> frozenset[str]:
    """Return the names under a key that holds one, several or none."""
    value = conf.get(key) or ()
    return frozenset((value,) if isinstance(value, str) else map(str, value))
