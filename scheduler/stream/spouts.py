"""When a spout is told what. Pure; one command at a time unless the component takes more.

Acks and fails go first, then the change between active and inactive, then
``next``: only while the topology is active, nothing below is congested, and
fewer trees are open than allowed.  A ``next`` that brings nothing is followed
by a pause, short at first, longer for a spout that stays empty.
Source: storm:storm-client/src/jvm/org/apache/storm/executor/spout/SpoutExecutor.java
"""

from __future__ import annotations

from multilang import codec
from scheduler.config import StreamConfig
from scheduler.stream.local_task import LocalTask


def queue_commands(spout: LocalTask, config: StreamConfig, *, is_active: bool, now: float) -> bool:
    """Queue what a spout may be told now; return whether there was anything."""
    session = spout.session
    before = len(spout.parts)
    while session.can_command:
        command = _next_command(spout, config, is_active=is_active, now=now)
        if command is None:
            break
        spout.parts.append(session.command(command))
    return len(spout.parts) > before


def _next_command(spout: LocalTask, config: StreamConfig, *, is_active: bool, now: float) -> bytes | None:
    spout.asked_next = False
    if spout.commands:
        return spout.commands.popleft()
    if spout.is_active is not is_active and (is_active or spout.is_active):
        spout.is_active = is_active
        return codec.ACTIVATE if is_active else codec.DEACTIVATE
    if now >= spout.wait_until and is_willing(spout, config, is_active=is_active):
        spout.asked_next, spout.has_emitted, spout.wait_until = True, False, 0.0
        return codec.NEXT
    return None


def is_willing(spout: LocalTask, config: StreamConfig, *, is_active: bool) -> bool:
    """Return whether a spout may be asked for a tuple, its pause apart."""
    if not is_active or spout.hold_count:
        return False
    return config.max_spout_pending is None or spout.live < config.max_spout_pending


def note_sync(spout: LocalTask, config: StreamConfig, *, now: float) -> None:
    """Take the end of a command; after a ``next`` without a tuple the spout rests."""
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
