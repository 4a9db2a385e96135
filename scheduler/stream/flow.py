"""Flow control: who must wait while a task cannot keep up. No I/O, no clock.

A task is congested from the moment its queue passes the high mark until it
falls to the low one (both in `scheduler.config`); so is every task behind a connection that is slow or
broken.  While a task is congested

* the components that emit to it are not read, except where both stand on a
  cycle, since two that wait for each other would wait for ever;
* the spouts above it are not asked for more.

Nothing is dropped.  Only those that feed the congested task wait; it is
never itself kept from being read because of its own queue, so the most
downstream one always drains.  Cycles are bounded by max spout pending only.
"""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.topology import Topology


@dataclass(frozen=True, slots=True)
class Change:
    """What changes for the tasks of some components: add to (1) or take from (-1) their counts."""

    step: int
    paused: frozenset[str]
    """Components whose tasks are not read."""

    held: frozenset[str]
    """Spouts that are not asked."""


class FlowControl:
    """Which tasks are congested, and what that means for the others."""

    def __init__(self, topology: Topology) -> None:
        feeds = {c.component: {i.source for i in c.inputs} for c in topology.components if not c.is_system}
        spouts = {c.component for c in topology.components if c.is_spout}
        above = {component: _closure(component, feeds) for component in feeds}
        self._paused = {
            component: frozenset(s for s in sources if component not in above.get(s, ()))
            for component, sources in feeds.items()
        }
        self._held = {component: frozenset(above[component] & spouts) for component in feeds}
        self._component_of = topology.component_of()
        self._reasons: dict[int, set[str]] = {}

    @property
    def congested(self) -> frozenset[int]:
        """Tasks that are congested now."""
        return frozenset(self._reasons)

    def set(self, task: int, reason: str, *, is_congested: bool) -> Change | None:
        """Note that a task is (no longer) congested for a reason; return what follows, if anything.

        Reasons are counted apart: a task with a full queue behind a broken
        connection recovers when both are well.
        """
        reasons = self._reasons.get(task)
        if is_congested:
            if reasons is not None:
                reasons.add(reason)
                return None
            self._reasons[task] = {reason}
            return self._change(task, 1)
        if reasons is None or reason not in reasons:
            return None
        reasons.discard(reason)
        if reasons:
            return None
        del self._reasons[task]
        return self._change(task, -1)

    def clear(self, task: int) -> Change | None:
        """Note that a task is not congested for any reason any more; return what follows, if anything."""
        return self._change(task, -1) if self._reasons.pop(task, None) else None

    def counts(self, component: str) -> tuple[int, int]:
        """Return for how many congested tasks a component is not read, and for how many not asked."""
        changes = [self._change(task, 1) for task in self._reasons]
        return sum(component in c.paused for c in changes), sum(component in c.held for c in changes)

    def _change(self, task: int, step: int) -> Change:
        component = self._component_of[task]
        return Change(step, self._paused.get(component, frozenset()), self._held.get(component, frozenset()))


def cyclic_components(topology: Topology) -> list[str]:
    """Return the components that stand on a cycle, sorted."""
    feeds = {c.component: {i.source for i in c.inputs} for c in topology.components if not c.is_system}
    return sorted(component for component in feeds if component in _closure(component, feeds))


def unbounded_cycle(topology: Topology) -> tuple[int, str] | None:
    """Return a warning about components that feed each other without a limit, and the task to tell it of.

    None where there is no cycle, or every spout has a max spout pending.
    """
    cyclic = cyclic_components(topology)
    spouts = [c for c in topology.components if c.is_spout]
    if not cyclic or all(topology.component_conf(c).get("topology.max.spout.pending") for c in spouts):
        return None
    warning = (
        f"{', '.join(cyclic)} feed each other in a cycle, and topology.max.spout.pending is not set: "
        "what circulates there is held in memory without bound. Set it"
    )
    return topology.component(cyclic[0]).tasks[0], warning


def _closure(component: str, feeds: dict[str, set[str]]) -> set[str]:
    """Return everything above ``component``; contains it only if it stands on a cycle."""
    seen: set[str] = set()
    todo = list(feeds.get(component, ()))
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo.extend(feeds.get(current, ()))
    return seen
