"""When a spout is told what. Pure.

Nothing is said before the last command is answered.  ``next`` is said only
while the topology is active, nothing below is congested, and fewer trees are
open than allowed.

Storm says one command at a time, and so do we, unless the library is known
to take commands in turn (`multilang.library`); others, with callbacks, would
begin them all at once.  Where it is, everything that waits is said in one
batch: acks and fails, the change between active and inactive, and ``next``.
That saves a round trip per command, which is half of what a spout costs.

There may be several ``next`` in a batch.  Their number is the spout's window:

* it doubles while each ``next`` brings a tuple, and falls to one when one
  does not: a spout that has nothing may sleep, and acks must not wait for
  several sleeps;
* it halves when a batch takes long, and after one that took very long there
  is one at a time for a while, each time for longer: some spouts block until
  they have a tuple. Not where the library sees to it that others wait for one
  block only: there it begins anew at one, since the machine may just be busy;
* it never asks for more tuples than max spout pending has room for.

A batch of ``next`` that brings nothing is followed by a pause, short at
first, longer for a spout that stays empty.
Source: storm:storm-client/src/jvm/org/apache/storm/executor/spout/SpoutExecutor.java
"""

from __future__ import annotations

import math

from multilang import codec
from multilang.library import Library
from scheduler.config import StreamConfig
from scheduler.stream.local_task import LocalTask

KNOWN_WINDOW = 16
"""The largest window of a spout whose library takes commands in turn."""

WIDE_WINDOW = 64
"""The largest window of a spout whose library, besides, keeps nobody waiting for more than one block."""

MOST_AT_ONCE = 256
LONG_S = 0.01
VERY_LONG_S = 0.1
WARY_S = 30.0
_MOST_WARY_S = 3600.0


def queue_commands(spout: LocalTask, config: StreamConfig, *, is_active: bool, now: float) -> bool:
    """Queue what a spout may be told now; return whether there was anything."""
    most = spout.most_commands
    commands: list[bytes] = []
    while spout.commands and len(commands) < most:
        commands.append(spout.commands.popleft())
    is_change = len(commands) < most and spout.is_active is not is_active and (is_active or spout.is_active)
    if is_change:
        spout.is_active = is_active
        commands.append(codec.ACTIVATE if is_active else codec.DEACTIVATE)
    if len(commands) < most and now >= spout.wait_until and is_willing(spout, config, is_active=is_active):
        count = min(_next_count(spout, config, now=now), most - len(commands))
        spout.asked_count, spout.emitted_count = count, 0
        # To become active may take its time, which says nothing about how long the next ``next`` will take.
        spout.wait_until, spout.asked_at = 0.0, math.inf if is_change else now
        commands += [codec.NEXT] * count
    if commands:
        spout.parts += spout.session.command(commands)
    return bool(commands)


def is_willing(spout: LocalTask, config: StreamConfig, *, is_active: bool) -> bool:
    """Return whether a spout may be asked for a tuple, its pause apart."""
    if not is_active or spout.hold_count:
        return False
    return config.max_spout_pending is None or spout.live < config.max_spout_pending


def begin(spout: LocalTask, config: StreamConfig, library: Library) -> None:
    """Take up a new component: how many commands, and how many ``next``, it may be told at once."""
    is_strict = config.is_strict_spout
    if is_strict is None:
        is_strict = config.spout_window is None and not library.takes_turns
    known = WIDE_WINDOW if library.blocks_once else KNOWN_WINDOW if library.takes_turns else 1
    window = config.spout_window or known
    spout.most_commands, spout.window_limit = (1, 1) if is_strict else (MOST_AT_ONCE, window)
    spout.blocks_once = library.blocks_once


def _next_count(spout: LocalTask, config: StreamConfig, *, now: float) -> int:
    """Return how many ``next`` a willing spout is told at once; at least one."""
    if now < spout.wary_until:
        return 1
    if config.max_spout_pending is None:
        return spout.window
    room = (config.max_spout_pending - spout.live) // spout.most_per_next
    return max(1, min(spout.window, room))


def note_answers(spout: LocalTask, config: StreamConfig, *, now: float) -> None:
    """Take the end of a batch of commands; after ``next`` without a tuple the spout rests."""
    asked, emitted = spout.asked_count, spout.emitted_count
    if not asked or spout.session.outstanding:
        return
    spout.asked_count = 0
    took_s = now - spout.asked_at
    is_very_long = took_s > VERY_LONG_S
    if is_very_long and not spout.blocks_once:
        spout.wary_until = now + spout.wary_s
        spout.wary_s = min(2 * spout.wary_s, _MOST_WARY_S)
    if emitted < asked or is_very_long:
        spout.window = 1
    elif took_s > LONG_S:
        spout.window = max(1, spout.window // 2)
    else:
        spout.window = min(spout.window * 2, spout.window_limit)
    # All that is more than one each may have come of one.
    spout.most_per_next = max(spout.most_per_next, emitted - asked + 1)
    if emitted:
        spout.empty_nexts = 0
        return
    spout.empty_nexts += 1
    is_patient = spout.empty_nexts <= config.spout_patience
    spout.wait_until = now + (config.spout_wait_ms if is_patient else config.spout_long_wait_ms) / 1000


def forget(spout: LocalTask) -> None:
    """Begin anew after the component died: its successor knows nothing of the old commands."""
    spout.commands.clear()
    spout.is_active, spout.asked_count, spout.wait_until, spout.empty_nexts = None, 0, 0.0, 0
    spout.window, spout.wary_until, spout.wary_s, spout.most_per_next = 1, 0.0, WARY_S, 1
