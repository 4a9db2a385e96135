"""When a spout is told what. Pure.

Nothing is said before the last command is answered.  Then everything that
waits is said at once: acks and fails, the change between active and
inactive, and one ``next``: only while the topology is active, nothing below
is congested, and fewer trees are open than allowed.

Storm says one command at a time.  Child libraries read them one by one
anyway, and a batch saves a round trip per ack, which is half of what a spout
costs; ``heronry.spout.strict: true`` goes back to Storm's way.  There is
never more than one ``next`` on its way, since libraries with callbacks would
start it twice.

A ``next`` that brings nothing is followed by a pause, short at first, longer
for a spout that stays empty.
Source: storm:storm-client/src/jvm/org/apache/storm/executor/spout/SpoutExecutor.java
"""

from __future__ import annotations

from multilang import codec
from scheduler.config import StreamConfig
from scheduler.stream.local_task import LocalTask

_MOST_AT_ONCE = 256


def queue_commands(spout: LocalTask, config: StreamConfig, *, is_active: bool, now: float) -> bool:
    """Queue what a spout may be told now; return whether there was anything."""
    most = 1 if config.is_strict_spout else _MOST_AT_ONCE
    commands: list[bytes] = []
    while spout.commands and len(commands) < most:
        commands.append(spout.commands.popleft())
    if len(commands) < most and spout.is_active is not is_active and (is_active or spout.is_active):
        spout.is_active = is_active
        commands.append(codec.ACTIVATE if is_active else codec.DEACTIVATE)
    if len(commands) < most and now >= spout.wait_until and is_willing(spout, config, is_active=is_active):
        spout.asked_next, spout.has_emitted, spout.wait_until = True, False, 0.0
        commands.append(codec.NEXT)
    if commands:
        spout.parts += spout.session.command(commands)
    return bool(commands)


def is_willing(spout: LocalTask, config: StreamConfig, *, is_active: bool) -> bool:
    """Return whether a spout may be asked for a tuple, its pause apart."""
    if not is_active or spout.hold_count:
        return False
    return config.max_spout_pending is None or spout.live < config.max_spout_pending


def note_answers(spout: LocalTask, config: StreamConfig, *, now: float) -> None:
    """Take the end of a batch of commands; after a ``next`` without a tuple the spout rests."""
    if not spout.asked_next or spout.session.outstanding:
        return
    spout.asked_next = False
    if spout.has_emitted:
        spout.empty_nexts = 0
        return
    spout.empty_nexts += 1
    is_patient = spout.empty_nexts <= config.spout_patience
    spout.wait_until = now + (config.spout_wait_ms if is_patient else config.spout_long_wait_ms) / 1000


def forget(spout: LocalTask) -> None:
    """Begin anew after the component died: its successor knows nothing of the old commands."""
    spout.commands.clear()
    spout.is_active, spout.asked_next, spout.wait_until, spout.empty_nexts = None, False, 0.0, 0
