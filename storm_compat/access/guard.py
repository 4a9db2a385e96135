"""Asks for leave before each call of a handler; the only place that does, but for blobs.

    server -> Guarded.METHOD -> Authorizer.require -> handler.METHOD

A topology that does not exist is said not to be alive before anybody is asked, as in Storm.
"""

from __future__ import annotations

import functools
import grp
import inspect
import os
import pwd
from collections.abc import Callable
from typing import Any

from storm_compat import caller
from storm_compat.access.authorizer import Authorizer
from storm_compat.access.operations import OPERATIONS, Business, Names, Operation
from storm_compat.alive import Alive
from storm_compat.errors import NotAlive
from storm_compat.failures import as_thrift
from storm_compat.topologies import Topologies


class Guarded:
    """A handler with the same methods, each of which asks first. Other attributes are the handler's own."""

    def __init__(self, handler: object, authorizer: Authorizer, topologies: Topologies) -> None:
        self._handler = handler
        self._authorizer = authorizer
        self._topologies = topologies

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._handler, name)
        operation = OPERATIONS.get(name)
        return attribute if operation is None else self._asking(operation, attribute)

    def _asking(self, operation: Operation, method: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(method):

            @functools.wraps(method)
            async def call_async(*arguments: Any) -> Any:
                self._ask(operation, arguments)
                return await method(*arguments)

            return call_async

        @functools.wraps(method)
        def call(*arguments: Any) -> Any:
            self._ask(operation, arguments)
            return method(*arguments)

        return call

    def _ask(self, operation: Operation, arguments: tuple[Any, ...]) -> None:
        principal = caller.current().principal
        first = arguments[0] if arguments else None
        with as_thrift():
            if operation.business in {Business.OWNER, Business.READER}:
                alive = self._topology(operation.names, first)
                self._authorizer.require(principal, operation, alive.kept.topology.conf, alive.name)
            else:
                topology = None if operation.names is Names.NOTHING or first is None else str(first)
                self._authorizer.require(principal, operation, {}, topology)

    def _topology(self, names: Names, key: str | None) -> Alive:
        """Return the topology that a first argument means.

        Raises:
            NotAlive: there is none.
        """
        if names is Names.NAME:
            return self._topologies.named(key)
        if names is Names.ID:
            return self._topologies.with_id(key)
        try:
            return self._topologies.with_id(key)
        except NotAlive:
            return self._topologies.named(key)


def groups_of(user: str) -> frozenset[str]:
    """Return the groups that this machine knows a user to be in; none for users it does not know."""
    try:
        ids = os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
    except (KeyError, OSError, ValueError):
        return frozenset()
    return frozenset(entry.gr_name for entry in grp.getgrall() if entry.gr_gid in ids)
