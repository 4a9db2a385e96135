"""What spouts and bolts have in common: the handshake, the loop, emits, errors.

    handshake -> initialize -> [ receive a batch -> handle each message -> flush ] for ever

The names are pystorm's and mean what they mean there; what differs on purpose
is in docs/pystorm.md.  A class that overrides one of the methods in between
(`read_command`, `send_message`, `_run` and the like) is served one message at
a time through them, as pystorm would: right before fast.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections import deque
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import IO, Any, ClassVar, Final, NamedTuple, NoReturn

import msgspec

from multilang.client import logs
from multilang.client.errors import StormWentAwayError
from multilang.client.serializers import SERIALIZERS, Incoming, Message, as_message

log = logging.getLogger(logs.LOGGER)

PATIENCE_S: Final = 0.001
"""What has been put is written after so long, even if there is more to handle."""

CAREFUL_COUNT: Final = 20
"""So many inputs in a row are answered message by message after one that took longer than `PATIENCE_S`."""


_PYSTORMS: Final = frozenset(
    (
        *("_run", "_exit", "_setup_component", "_handle_run_exception", "_current_tups", "_pending_task_ids"),
        *(
            "_reader_lock",
            "_writer_lock",
            "_batches",
            "_tick_counter",
            "_current_key",
            "_batch_lock",
            "_batcher",
        ),
        *("_batch_entry", "_batch_entry_run", "_handle_worker_exception"),
    )
)
"""What is private in pystorm, too: authors who touch it know what they do."""

_WHOSE: Final[int] = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)


class Tuple(NamedTuple):
    """One tuple for a bolt."""

    id: str
    component: str
    """Who emitted it."""

    stream: str
    task: int
    values: Any
    """A tuple; with field names if the host told them."""


class Component:
    """Base of all spouts and bolts.

    Attributes:
        topology_name, component_name, task_id: who this is, once `run` has begun.
        storm_conf, context: what the host said in its handshake.
        debug: the conf's ``topology.debug``.
        logger: writes to the host's log, or to a file: see `multilang.client.logs`.
        exit_on_exception: whether an exception ends the process, with code 1.
    """

    exit_on_exception: bool = True

    _in_between: ClassVar[tuple[str, ...]] = (
        *("_run", "read_message", "read_command", "send_message"),
        *("_handle_commands", "is_heartbeat"),
    )
    """Methods that the fast loop leaves out; not to be overridden without losing it."""

    def __init__(
        self,
        input_stream: IO[Any] | None = None,
        output_stream: IO[Any] | None = None,
        rdb_signal: str | int | None = "SIGUSR1",
        serializer: str = "json",
    ) -> None:
        if serializer not in SERIALIZERS:
            raise ValueError(f"Unknown serializer: {serializer!r}; there are {', '.join(SERIALIZERS)}")
        self.topology_name: str | None = None
        self.task_id: int | None = None
        self.component_name: str | None = None
        self.debug: bool | None = None
        self.storm_conf: dict[str, Any] | None = None
        self.context: dict[str, Any] | None = None
        self.pid = os.getpid()
        self.logger: logging.Logger = log
        self._reader_lock = threading.RLock()
        self._writer_lock = threading.RLock()
        self.serializer = SERIALIZERS[serializer](
            input_stream or sys.stdin, output_stream or sys.stdout, self._reader_lock, self._writer_lock
        )
        self._owns_process = input_stream is None and output_stream is None
        self._commands: deque[Message] = deque()
        self._pending_task_ids: deque[list[int]] = deque()
        self._careful_count = CAREFUL_COUNT
        self._usage = _usage()
        """When the wait began, or what is handled was received."""

        _refuse_foreign(self.serializer)
        self._choose_way()
        if rdb_signal is not None:
            number = getattr(signal, rdb_signal, None) if isinstance(rdb_signal, str) else rdb_signal
            if number is not None:
                signal.signal(number, remote_pdb_handler)

    # ---- for authors

    def initialize(self, storm_conf: dict[str, Any], context: dict[str, Any]) -> None:
        """Called once, after the handshake and before the first tuple: connect to data sources here."""

    def log(self, message: object, level: str | None = None) -> None:
        """Write to the host's log, whatever the level; `logger` minds ``pystorm.log.level``.

        Args:
            message: anything with a text.
            level: trace, debug, info, warn or error; None means info.
        """
        number = logs.STORM_LEVELS.get(level or "info", logs.INFO)
        self.send_message({"command": "log", "msg": str(message), "level": number})

    def report_metric(self, name: str, value: Any) -> None:
        """Report a number, or a map of numbers, under a name."""
        self.send_message({"command": "metrics", "name": name, "params": value})

    def raise_exception(self, exception: BaseException, tup: Any = None) -> None:
        """Show an exception, with its traceback, as an error of this component."""
        about = f" raised while processing Tuple {tup!r}" if tup else " raised"
        lines = "".join(traceback.format_exception(exception))
        self.send_message({"command": "error", "msg": f"Python {type(exception).__name__}{about}\n{lines}"})
        self.send_message({"command": "sync"})

    def flush(self) -> None:
        """Write at once what was emitted so far; for authors who block for long after an emit."""
        self.serializer.flush()

    # ---- messages

    def read_handshake(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return conf and context as the host tells them; answers with the pid."""
        message = self.read_message()
        (Path(message["pidDir"]) / str(self.pid)).touch()
        self.send_message({"pid": self.pid})
        return message["conf"], message["context"]

    def read_message(self) -> Any:
        """Return the next message as it is: a dict, or a list of task ids."""
        return self.serializer.read_message()

    def read_command(self) -> Any:
        """Return the next message that is no list of task ids; those are kept for `read_task_ids`."""
        while True:
            message = _as_dict(self._commands.popleft()) if self._commands else self.read_message()
            if not isinstance(message, list):
                return message
            self._pending_task_ids.append(message)

    def read_task_ids(self) -> list[int]:
        """Return the next list of task ids; what comes before it is kept for `read_command`."""
        if self._pending_task_ids:
            return self._pending_task_ids.popleft()
        for index, message in enumerate(self._commands):
            if isinstance(message, list):
                del self._commands[index]
                return message
        while not isinstance(answer := self.read_message(), list):
            self._commands.append(as_message(answer))
        return answer

    def send_message(self, message: Any) -> None:
        """Send a message to the host."""
        if not isinstance(message, dict):
            self.logger.error("not sent, since it is no dict: %r", message)
            return
        self.serializer.send_message(message)

    def emit(  # noqa: PLR0917  pystorm's signature
        self,
        tup: list[Any] | tuple[Any, ...],
        tup_id: Any = None,
        stream: str | None = None,
        anchors: list[Any] | None = None,
        direct_task: int | None = None,
        need_task_ids: bool = False,
    ) -> list[int] | None:
        """Emit values on a stream; return the tasks they went to if ``need_task_ids``, else None.

        Raises:
            TypeError: ``tup`` is neither list nor tuple, or holds what JSON cannot.
        """
        if not isinstance(tup, list | tuple):
            raise TypeError(f"a tuple must be a list or a tuple, not {type(tup).__name__}: {tup!r:.200}")
        message: dict[str, Any] = {"command": "emit", "tuple": tup}
        if anchors is not None:
            message["anchors"] = anchors
        if tup_id is not None:
            message["id"] = tup_id
        if stream is not None:
            message["stream"] = stream
        if direct_task is not None:
            message["task"] = direct_task
        if not need_task_ids:
            message["need_task_ids"] = False
        if not need_task_ids or direct_task is not None:
            self.send_message(message)
            return [direct_task] if need_task_ids and direct_task is not None else None
        with self._reader_lock, self._writer_lock:  # the answer must be the one to this emit
            self.send_message(message)
            self.serializer.flush()
            return self.read_task_ids()

    # ---- the loop

    def run(self) -> None:
        """Serve until the host goes away: exit code 2; or, after an exception, 1. Not to be overridden."""
        _refuse_methods(type(self))
        if self._owns_process:
            self._take_pipes()
        conf, context = self.read_handshake()
        self._setup_component(conf, context)
        before = _own_attributes(self)
        self.initialize(conf, context)
        _refuse_attributes(self, before)
        self._choose_way()  # anew: methods may have been replaced
        while True:
            try:
                self._serve()
            except StormWentAwayError:
                log.info("ending: the host went away")
                self._exit(2)
            except Exception as exc:  # noqa: BLE001  reported, whatever it is
                self._report(exc)
                if self.exit_on_exception:
                    self._exit(1)
            except BaseException:  # SystemExit of the author's, Ctrl-C: what was emitted still counts
                self.serializer.flush()
                raise

    def _serve(self) -> None:
        """Handle what comes, for ever."""
        serializer, commands = self.serializer, self._commands
        serializer.write_through = True
        while self._is_plain:
            self._run()
        while True:
            if not commands:
                # Other threads may emit while we wait. In this order: what they put before is flushed
                # here, and what they put later they flush themselves.
                serializer.write_through = True
                serializer.flush()
                commands.extend(serializer.receive())
                serializer.write_through = self._careful_count > 0
                self._usage, serializer.written_s = _usage(), 0.0
            self._handle_commands()

    def _be_less_careful(self) -> None:
        """One more input was handled in no time."""
        self._careful_count -= 1
        self.serializer.write_through = self._careful_count > 0

    def _pace(self, began_s: float, last_s: float, now_s: float) -> float:
        """Write what waits since it has waited long enough; return when the next wait began.

        An input that took so long by itself makes the next ones be answered message by message.
        """
        if self._own_s(began_s, last_s, now_s) > PATIENCE_S:
            self._careful_count = CAREFUL_COUNT
            self.serializer.write_through = True
        self.serializer.flush()
        self._usage, self.serializer.written_s = _usage(), 0.0
        return time.monotonic()

    def _own_s(self, began_s: float, last_s: float, now_s: float) -> float:
        """Return how long the last input took, at most; little if that was the fault of others.

        It is if another process had the processor meanwhile, or the host did not read.
        """
        took_s = now_s - last_s - self.serializer.written_s
        if took_s <= PATIENCE_S:
            return took_s
        wait_count, cpu_s = _usage()
        has_waited = wait_count > self._usage[0]
        return took_s if has_waited else min(took_s, cpu_s - self._usage[1] - (last_s - began_s))

    def _run(self) -> None:
        """Handle one message, by the methods that authors may override."""
        raise NotImplementedError

    def _handle_commands(self) -> None:
        """Handle all messages that were received; an exception leaves the rest for the next call."""
        raise NotImplementedError

    def _setup_component(self, storm_conf: dict[str, Any], context: dict[str, Any]) -> None:
        """Learn who this is."""
        self.topology_name = storm_conf.get("topology.name", "")
        task = context.get("taskid", "")
        name = context.get("componentid")
        if name is None:  # hosts before Storm 0.10
            name = context.get("task->component", {}).get(str(task), "")
        self.task_id, self.component_name = task, name
        self.debug = storm_conf.get("topology.debug", False)
        self.storm_conf, self.context = storm_conf, context
        self.logger = logs.set_up(
            storm_conf, self, topology=self.topology_name or "", component=name, task=task, pid=self.pid
        )

    def _report(self, exc: Exception) -> None:
        """Say what happened, and let the component fail what it was at."""
        try:
            self.logger.error("Exception in %s.run()", type(self).__name__, exc_info=exc)
            self._handle_run_exception(exc)
            self.serializer.flush()
        except StormWentAwayError:
            log.error("ending: the host went away before it could be told of this:", exc_info=exc)
            self._exit(2)
        except Exception:
            log.exception("could not tell the host of an exception")

    def _handle_run_exception(self, exc: Exception) -> None:
        """Tell the host; bolts also fail what they were at."""
        self.raise_exception(exc)

    def _exit(self, status_code: int) -> NoReturn:
        """End the process, threads that still run included."""
        try:
            self.serializer.flush()
        except StormWentAwayError:
            pass
        if threading.active_count() > 1:
            sys.stderr.flush()
            os._exit(status_code)
        sys.exit(status_code)

    def _take_pipes(self) -> None:
        """Keep the pipes for the protocol alone: prints are logged, programs started here get neither."""
        try:
            incoming, outgoing = os.dup(0), os.dup(1)
        except OSError:
            return
        self.serializer.use_descriptors(incoming, outgoing)
        os.register_at_fork(after_in_child=self.serializer.forget)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        sys.stdout = logs.LogStream(logging.getLogger("pystorm.stdout"))

    def _choose_way(self) -> None:
        """Find out which of the author's methods the fast loop has to go through, or whether all of them."""
        self._is_plain = self._overrides(*self._in_between)
        is_json = isinstance(self.serializer, SERIALIZERS["json"])
        self._writes_json = is_json and not self._overrides("send_message")

    def _overrides(self, *names: str) -> bool:
        """Return whether the author has put a method of their own, of class or object, in place of ours."""
        return any(not _is_ours(self, name) for name in names)

    @staticmethod
    def is_heartbeat(tup: Tuple) -> bool:
        """Return whether the host only asks for a sign of life."""
        return tup.task == -1 and tup.stream == "__heartbeat"


def _usage() -> tuple[int, float]:
    """Return how often this thread has waited for something, and how many seconds of CPU it has used."""
    used = resource.getrusage(_WHOSE)
    return used.ru_nvcsw, used.ru_utime + used.ru_stime


def _as_dict(message: Any) -> Any:
    """Return a message in the form in which `Component.read_message` returns them."""
    if not isinstance(message, Incoming):
        return message
    if message.command is not None:
        return {"command": message.command, "id": message.id}
    return msgspec.to_builtins(message)


def _is_ours(owner: object, name: str) -> bool:
    """Return whether a method of an object is this library's."""
    return (getattr(getattr(owner, name, None), "__module__", None) or "").startswith("multilang.client")


def _refuse_methods(kind: type) -> None:
    """Raise TypeError if the author's classes give a name of their own to what is private to ours."""
    ours = [each for each in kind.__mro__ if each.__module__.startswith("multilang.client")]
    names = {name for each in ours for name in vars(each) if _is_private(name)}
    for each in kind.__mro__:
        if each not in ours and (taken := sorted(names & vars(each).keys())):
            raise _name_is_taken(each.__name__, taken[0])


def _own_attributes(component: Component) -> dict[str, Any]:
    """Return what our methods have set in a component.

    By the names in their code, since `vars` and `dir` would make a dict of the component's attributes, after
    which Python 3.11 finds each of them so much slower that all tuples cost a fifth more.
    """
    kind = type(component)
    ours = [each for each in kind.__mro__ if each.__module__.startswith("multilang.client")]
    codes = [
        code for each in ours for method in vars(each).values() if (code := _code_of(method)) is not None
    ]
    names = {name for code in codes for name in code.co_names if _is_private(name)}
    # An emit in `initialize` changes `_anchors` and `_anchors_of`.
    names -= {"_anchors", "_anchors_of"}
    return {name: getattr(component, name) for name in names if _is_attribute(component, name)}


def _code_of(method: object) -> CodeType | None:
    return method.__code__ if isinstance(method, FunctionType) else None


def _is_attribute(component: Component, name: str) -> bool:
    return hasattr(component, name) and not hasattr(type(component), name)


def _refuse_attributes(component: Component, before: dict[str, Any]) -> None:
    """Raise TypeError if `initialize` has set an attribute that is private to us."""
    for name, value in before.items():
        if getattr(component, name, None) is not value:
            raise _name_is_taken(type(component).__name__, name)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in _PYSTORMS


def _name_is_taken(who: str, name: str) -> TypeError:
    return TypeError(
        f"{who} gives a meaning of its own to {name}, which the component library uses itself: rename it, or"
        " run the component on pystorm (without heronry.accelerate)"
    )


def _refuse_foreign(serializer: object) -> None:
    """Raise TypeError if a serializer is not as we made it: what it does would only sometimes be done."""
    names = ("__init__", "receive", "read_message", "serialize_dict", "send_message", "put", "flush")
    foreign = [name for name in names if not _is_ours(serializer, name)]
    if foreign:
        raise TypeError(
            f"{type(serializer).__name__}.{foreign[0]} is not this library's, which reads and writes many"
            " messages at once, so that its serializers cannot be replaced. Override send_message or"
            " read_message of the component instead, or run it on pystorm (without heronry.accelerate)"
        )


def remote_pdb_handler(number: int, frame: FrameType | None) -> None:
    """Open a remote debugger, if one is installed."""
    try:
        from remote_pdb import RemotePdb
    except ImportError:
        log.warning("no debugger: pip install remote_pdb to have one on this signal")
    else:
        RemotePdb(host="127.0.0.1", port=0).set_trace(frame=frame)
    signal.signal(number, remote_pdb_handler)
