"""Who may do what with a blob. Pure: values in, values or an error out.

    as a client sends it --normalized--> as it is kept --BlobAuthorizer--> allowed, or NotAuthorized

An entry is for one user or for everybody (Storm's OTHER), with a mask of READ,
WRITE and ADMIN.  Storm asks nobody unless storm.blobstore.acl.validation.enabled
is set; here who signed in is asked as he is for all else, see `BlobAuthorizer`.

Source: storm:storm-client/src/jvm/org/apache/storm/blobstore/BlobStoreAclHandler.java
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from storm_compat.errors import NotAuthorized

READ: Final = 1
WRITE: Final = 2
ADMIN: Final = 4
EVERYTHING: Final = READ | WRITE | ADMIN

_WORDS: Final = {READ: "READ", WRITE: "WRITE", ADMIN: "ADMIN"}


@dataclass(frozen=True, slots=True)
class Access:
    """One entry: what one user, or everybody, may do."""

    mask: int
    user: str | None = None
    """Empty: whoever sends the entry. Not looked at if it is for everybody."""

    is_for_all: bool = False


WORLD: Final = Access(EVERYTHING, is_for_all=True)

Acl = tuple[Access, ...]


def normalized(acl: Iterable[Access], caller: str | None, own_mask: int) -> Acl:
    """Return the entries to keep of those that ``caller`` sends; nobody can lock themselves out.

    Entries that give everybody nothing go, one without a name is the caller's, and the caller gets at least
    ``own_mask``.  Who has no name could not be let in later, so then everybody may do everything.
    """
    entries = [entry for entry in acl if entry.mask or not entry.is_for_all]
    named = [entry for entry in entries if entry.is_for_all or entry.user]
    nameless = [entry for entry in entries if not (entry.is_for_all or entry.user)]
    if caller is None:
        return tuple(named) if WORLD in (replace(e, user=None) for e in named) else (*named, WORLD)
    is_caller = [not entry.is_for_all and entry.user == caller for entry in named]
    kept = [
        replace(entry, mask=entry.mask | own_mask) if is_own else entry
        for entry, is_own in zip(named, is_caller, strict=True)
    ]
    if not any(is_caller):
        kept += [Access(entry.mask | own_mask, caller) for entry in nameless] or [Access(own_mask, caller)]
    return tuple(kept)


def refuse_repeated(acl: Iterable[Access], key: str) -> None:
    """Return if no user has two entries.

    Raises:
        NotAuthorized: one has; Storm's text.
    """
    seen: set[str] = set()
    repeated = []
    for entry in acl:
        if entry.user and entry.user in seen:
            repeated.append(entry.user)
        seen.add(entry.user or "")
    if repeated:
        raise NotAuthorized(
            f"user [{', '.join(repeated)}] can't appear more than once in the ACLs for key [{key}]."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobAuthorizer:
    """Lets callers do what the entries say; built from the cluster's configuration."""

    is_enabled: bool = False
    """Storm's storm.blobstore.acl.validation.enabled; an authorizer that asks enables it, too."""

    asks_named: bool = False
    """Whether callers who signed in are asked even if it is not enabled; others are trusted then."""

    admins: frozenset[str] = frozenset()
    """Storm's nimbus.admins: may do everything."""

    supervisors: frozenset[str] = frozenset()
    """Storm's nimbus.supervisor.users: may read everything."""

    @classmethod
    def from_conf(cls, conf: Mapping[str, Any]) -> Self:
        """Return what holds in a cluster."""
        kind = str(conf.get("nimbus.authorizer") or "").rpartition(".")[2]
        return cls(
            is_enabled=bool(conf.get("storm.blobstore.acl.validation.enabled"))
            or kind in ("SimpleACLAuthorizer", "DenyAuthorizer"),
            asks_named=kind != "NoopAuthorizer",
            admins=frozenset(conf.get("nimbus.admins") or ()),
            supervisors=frozenset(conf.get("nimbus.supervisor.users") or ()),
        )

    def require(self, acl: Acl, mask: int, caller: str | None, key: str) -> None:
        """Return if ``caller`` has all of ``mask``; entries for the user and for everybody add up.

        Raises:
            NotAuthorized: Storm's text.
        """
        missing = mask
        for entry in acl:
            missing &= ~self._granted(entry, caller)
        if missing and not self._is_above(caller, mask):
            words = "".join(f"{word} " for bit, word in _WORDS.items() if missing & bit)
            raise NotAuthorized(f"[{caller or ''}] does not have [{words}] access to {key}")

    def require_any(self, acl: Acl, caller: str | None, key: str) -> None:
        """Return if ``caller`` has any right at all; enough to know that a blob exists.

        Raises:
            NotAuthorized: Storm's text.
        """
        if not (any(self._granted(entry, caller) for entry in acl) or self._is_above(caller, EVERYTHING)):
            raise NotAuthorized(f"[{caller or ''}] does not have access to {key}")

    def _granted(self, entry: Access, caller: str | None) -> int:
        return entry.mask if entry.is_for_all or (caller is not None and entry.user == caller) else 0

    def _is_above(self, caller: str | None, mask: int) -> bool:
        is_asked = self.is_enabled or (self.asks_named and caller is not None)
        if not is_asked or caller in self.admins:
            return True
        return mask == READ and caller in self.supervisors
