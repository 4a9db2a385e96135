"""Tuple trees: when is all that came of a spout's tuple done?

Inside a container a tree is a counter: deliveries not yet acked (``n``).
Between containers it is Storm's XOR (``val``): each row carries a random
edge, counted in by its sender and out by its receiver.  Where a tree enters
another container, a proxy counts for it there; when the proxy's counter is
0, it reports its XOR to the tree's home and is forgotten.

    home                         container 2
    Root n=0 val=e1  --row e1--> proxy n=1 val=e1
                                 ack: n=0
    val ^= e1 -> 0   <--report-- (key, e1)            n == 0 and val == 0: acked

XOR makes the order of reports irrelevant.  Each tree also knows which
containers it touched (``peers``, a bit each), so that it fails at once when
one of them dies, and does not wait for the timeout.  Two things may come
late, and are waited for in vain otherwise:

* a report that a tree touched a container, after the home has lost it: the
  home remembers which trees are older than the loss;
* the loss, seen by a container that had reported its part already: it tells
  all homes, in a report of no tree (key 0).

Keys contain the incarnation of their home, so that reports to a dead home
never hit the trees of its successor.
Source of the idea: storm:storm-client/src/jvm/org/apache/storm/daemon/Acker.java
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

from mypy_extensions import mypyc_attr

from multilang import codec
from scheduler.stream.links import Link
from scheduler.stream.local_task import LocalTask
from scheduler.stream.routing import Route

KEY_BITS = 36
LOSS = 0
"""Key of a report that is of no tree: all that touched ``peers`` may wait in vain."""
_SAMPLE_EVERY = 20


@final
@mypyc_attr(acyclic=True)
class Root:
    """One tree at its home, or the proxy of one; compiled, garbage collection leaves them alone."""

    __slots__ = ("born", "home", "is_done", "key", "message_id", "n", "peers", "route", "spout", "val")

    def __init__(
        self,
        key: int,
        born: float,
        *,
        home: int = 0,
        spout: LocalTask | None = None,
        route: Route | None = None,
        message_id: bytes = b"",
    ) -> None:
        self.key = key
        self.born = born
        self.n = 0
        self.val = 0
        self.peers = 0
        self.home = home
        """Container id of the home; 0 means: it is here."""
        self.is_done = False
        """Acked, failed or given up: whatever comes later changes nothing."""
        self.spout = spout
        self.route = route
        self.message_id = message_id


Roots = Root | tuple[Root, ...] | None
"""The trees of one delivery: hardly ever more than one."""

MISSING: Final = Root(0, 0.0)
"""What a look for a delivery that is not pending finds; None means pending without a tree."""


def each(roots: Roots) -> tuple[Root, ...]:
    """Return the trees of a delivery as a tuple."""
    if roots is None:
        return ()
    return (roots,) if type(roots) is Root else roots


class AckTracker:
    """All trees that live or pass through here."""

    def __init__(self, container_id: int, incarnation: int, links: Mapping[int, Link]) -> None:
        self.container_id = container_id
        self.roots: dict[int, Root] = {}
        """By key, oldest first."""
        self.proxies: dict[tuple[int, int], Root] = {}
        """By (home, key), oldest first."""
        self._links = links
        self._last_key = incarnation << KEY_BITS
        self._last_before_loss: dict[int, int] = {}
        """By bit of a lost peer: the key of the last tree planted before."""

    def plant(self, spout: LocalTask, route: Route, message_id: bytes, now: float) -> Root:
        """Return a new tree for a tuple that a spout emitted with an id."""
        self._last_key = key = self._last_key + 1
        root = Root(key=key, born=now, spout=spout, route=route, message_id=message_id)
        self.roots[key] = root
        spout.live += 1
        return root

    def find(self, home: int, key: int, now: float) -> Root | None:
        """Return the tree or proxy that a row belongs to; None if it is over already."""
        if home == self.container_id:
            return self.roots.get(key)
        proxy = self.proxies.get((home, key))
        if proxy is None:
            proxy = self.proxies[home, key] = Root(key=key, born=now, home=home)
        return proxy

    def enter(self, trail: list[int], now: float) -> Roots:
        """Count the edges of an arriving row in, and return the trees it belongs to."""
        found: list[Root] = []
        for at in range(0, len(trail), 3):
            root = self.find(trail[at], trail[at + 1], now)
            if root is not None:
                root.val ^= trail[at + 2]
                found.append(root)
        if len(found) < 2:
            return found[0] if found else None
        return tuple(found)

    def settle(self, root: Root, now: float) -> None:
        """Look whether a tree whose counter fell to 0 is complete; call it at every such fall."""
        if root.is_done:
            return
        if root.home:
            self._report(root, has_failed=False)
        elif root.val == 0:
            self._complete(root, now)

    def fail(self, roots: Roots) -> None:
        """Fail the trees of a tuple, each once; later acks of theirs change nothing."""
        for root in each(roots):
            if root.is_done:
                continue
            if root.home:
                self._report(root, has_failed=True)
            else:
                self._fail_home(root)

    def apply(self, key: int, val: int, peers: int, *, has_failed: bool, now: float) -> None:
        """Take a report from another container."""
        root = self.roots.get(key)
        if root is None:
            if key == LOSS:
                self._fail_touched(peers)
            return
        root.peers |= peers
        root.val ^= val
        if has_failed:
            self._fail_home(root)
        elif root.n == 0 and root.val == 0:
            self._complete(root, now)
        elif any(peers & bit and key <= last for bit, last in self._last_before_loss.items()):
            # It touched a container before we lost that one, or after: better once too often than never.
            self._fail_home(root)

    def sweep(self, now: float, timeout_s: float) -> int:
        """Fail the trees that are older than ``timeout_s``; return how many."""
        expired = []
        for root in self.roots.values():
            if now - root.born < timeout_s:
                break
            expired.append(root)
        for root in expired:
            self._fail_home(root)
        stale = []
        for place, proxy in self.proxies.items():
            # The home gives up after one timeout; a proxy must not do so before.
            if now - proxy.born < 2 * timeout_s:
                break
            stale.append(place)
        for place in stale:
            self.proxies.pop(place).is_done = True
        return len(expired)

    def lose_spout(self, spout: LocalTask) -> None:
        """Forget the trees of a spout whose component died: nobody would know their ids."""
        for root in [root for root in self.roots.values() if root.spout is spout]:
            root.is_done = True
            del self.roots[root.key]
        spout.live = 0

    def lose_peer(self, link: Link) -> None:
        """Fail what passed through a container that is gone, and forget what was at home there."""
        self._last_before_loss[link.bit] = self._last_key
        self._fail_touched(link.bit)
        for (home, key), proxy in list(self.proxies.items()):
            if home == link.container_id:
                proxy.is_done = True
                del self.proxies[home, key]
            elif proxy.peers & link.bit:
                self._report(proxy, has_failed=True)

    def tell_loss(self, link: Link) -> None:
        """Tell the other containers that rows on the way to a peer may be lost."""
        for other in self._links.values():
            if other is not link:
                other.reports.append((LOSS, 0, link.bit, True))

    def _fail_touched(self, peers: int) -> None:
        for root in [root for root in self.roots.values() if root.peers & peers]:
            self._fail_home(root)

    def _complete(self, root: Root, now: float) -> None:
        spout, route = self._leave(root)
        route.acked += 1
        if root.key % _SAMPLE_EVERY == 0:
            route.latency_ms_sum += (now - root.born) * 1000
            route.latency_count += 1
        spout.commands.append(codec.render_ack(root.message_id))

    def _fail_home(self, root: Root) -> None:
        spout, route = self._leave(root)
        route.failed += 1
        spout.commands.append(codec.render_fail(root.message_id))

    def _leave(self, root: Root) -> tuple[LocalTask, Route]:
        root.is_done = True
        del self.roots[root.key]
        assert root.spout is not None
        assert root.route is not None
        root.spout.live -= 1
        return root.spout, root.route

    def _report(self, proxy: Root, *, has_failed: bool) -> None:
        proxy.is_done = True
        del self.proxies[proxy.home, proxy.key]
        link = self._links.get(proxy.home)
        if link is not None:
            link.reports.append((proxy.key, proxy.val, proxy.peers, has_failed))
