"""One component's process and the other end of its pipes, for rules that are written as plain talk.

    host = Host(command, folder); host.greet(); host.say(...); host.answer()

Every wait has an end, writing never blocks reading, and leaving the context
ends the process with all that it started.  Whatever the component does wrong
is raised as `Broken`, with words for its author.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from multilang.command import prepare
from multilang.errors import RemoteProtocolError
from multilang.framing import END, FrameReader
from multilang.process import ShellProcess

TASK: Final = 4
COMPONENT: Final = "under_test"
MARKER: Final = "HERONRY_CONFORMANCE"
"""In the environment of each process of a component: by it those are found that left its session."""

SHOWN_CHARS: Final = 300
SHOWN_LINES: Final = 40
CHUNK_BYTES: Final = 65536
KEPT_ASIDES: Final = 1000

CONTEXT: Final[Mapping[str, Any]] = {
    "taskid": TASK,
    "componentid": COMPONENT,
    "task->component": {
        "1": "source",
        "2": "source",
        "4": COMPONENT,
        "7": "sink",
        "8": "sink",
        "9": "__acker",
    },
    "stream->target->grouping": {"default": {"sink": {"type": "SHUFFLE"}}},
    "streams": ["default"],
    "stream->outputfields": {"default": ["value"]},
    "source->stream->grouping": {"source": {"default": {"type": "SHUFFLE"}}},
}
"""As a task of a small topology is told; the fields of its input are left out, since any number may come."""

CONF: Final[Mapping[str, Any]] = {
    "topology.name": "conformance",
    "topology.message.timeout.secs": 30,
    "topology.workers": 1,
    "topology.debug": False,
    "topology.tick.tuple.freq.secs": None,
}


class Broken(Exception):
    """A rule was broken; the text says how."""


class NotGreeted(Broken):
    """The component did not answer the handshake, so that nothing else can be tried."""


class Host:
    """The host of one component; use as a context."""

    def __init__(self, command: Sequence[str], folder: Path, *, patience_s: float, own_bin: Path) -> None:
        """Start the process.

        Raises:
            MultilangError: it cannot be started.
        """
        self.patience_s = patience_s
        self.pid_dir = folder / "pids"
        self.pid_dir.mkdir(exist_ok=True)
        self._mark = secrets.token_hex(16)
        launch = prepare(
            command,
            cwd=Path.cwd(),
            inherited=os.environ,
            extra={MARKER: self._mark},
            own={},
            own_bin=own_bin,
        )
        self.process = ShellProcess(launch)
        self.transcript: deque[str] = deque(maxlen=SHOWN_LINES)
        self.stderr: deque[bytes] = deque(maxlen=SHOWN_LINES)
        self.asides: deque[Any] = deque(maxlen=KEPT_ASIDES)
        """Logs, errors and metrics, which may come at any time; the last ones."""

        self.is_reading = True
        self._frames = FrameReader()
        self._heard: deque[Any] = deque()
        self._unsent = bytearray()
        self._has_ended = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.process.stdout, selectors.EVENT_READ, "stdout")
        self._selector.register(self.process.stderr, selectors.EVENT_READ, "stderr")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self._selector.close()
        self.process.close()
        self.exit_code(within_s=self.patience_s)
        while others := self.others():
            for pid in others:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)

    # ---- saying

    def greet(self, conf: Mapping[str, Any] = CONF, context: Mapping[str, Any] = CONTEXT) -> Any:
        """Shake hands and return the answer, the object with the pid."""
        self.say(self.handshake(conf, context))
        try:
            return self.until(lambda message: "pid" in message, "an object with its pid")
        except Broken as exc:
            raise NotGreeted(str(exc)) from exc

    def handshake(
        self, conf: Mapping[str, Any] = CONF, context: Mapping[str, Any] = CONTEXT
    ) -> dict[str, Any]:
        """Return the first message of any host."""
        return {"conf": dict(conf), "pidDir": str(self.pid_dir), "context": dict(context)}

    def say(self, *messages: Any) -> None:
        """Send messages in one go."""
        for message in messages:
            self._note(">", encoded(message))
        self.write(b"".join(encoded(message) + END for message in messages))

    def write(self, data: bytes) -> None:
        """Send bytes; what the component does not take yet is sent while we listen."""
        self._unsent += data
        self._turn(0)

    def write_slowly(self, data: bytes, piece_bytes: int, pause_s: float = 0.002) -> None:
        """Send bytes in small pieces."""
        self._note(">", data.removesuffix(END), f" in pieces of {piece_bytes} bytes")
        for start in range(0, len(data), piece_bytes):
            self.write(data[start : start + piece_bytes])
            self.pass_time(pause_s)

    def end_input(self) -> None:
        """Close the component's input."""
        self._flush_all()
        self._note(">", b"(end of input)")
        self._unregister(self.process.stdin)
        self.process.close_stdin()

    # ---- hearing

    def answer(self) -> Any:
        """Return the next message that is no log, error or metric.

        Raises:
            Broken: none came in time, or something that is no message.
        """
        return self.until(lambda message: not is_aside(message), "an answer")

    def answer_or_end(self, what: str) -> Any:
        """Return the next message that is no aside; None if the process closes its output instead.

        Raises:
            Broken: neither came in time.
        """
        deadline = time.monotonic() + self.patience_s
        while True:
            while not self._heard and not self._has_ended and time.monotonic() < deadline:
                self._turn(deadline - time.monotonic())
            if not self._heard and self._has_ended:
                return None
            message = self._next(deadline, what)
            if not is_aside(message):
                return message
            self.asides.append(message)

    def is_ending(self, within_s: float = 0.5) -> bool:
        """Return whether the process ends in the next moment."""
        deadline = time.monotonic() + within_s
        while self.process.poll() is None and time.monotonic() < deadline:
            self._turn(0.01)
        return self.process.poll() is not None

    def has_said_why(self) -> bool:
        """Return whether the component told of an error in any way."""
        self.pass_time(0.05)
        return bool(self.stderr) or any(aside["command"] != "metrics" for aside in self.asides)

    def until(self, is_meant: Callable[[Any], bool], what: str) -> Any:
        """Return the first message that is meant; asides are kept, anything else is wrong.

        Raises:
            Broken: it did not come in time, or something else did.
        """
        deadline = time.monotonic() + self.patience_s
        while True:
            message = self._next(deadline, what)
            if is_aside(message) and not is_meant(message):
                self.asides.append(message)
            elif is_meant(message):
                return message
            else:
                raise Broken(f"{what} should have come, but there came {short(message)}")

    def collect(self, is_last: Callable[[list[Any]], bool], what: str) -> list[Any]:
        """Return messages, asides left out, until ``is_last`` says of them that all are there."""
        deadline = time.monotonic() + self.patience_s
        messages: list[Any] = []
        while not is_last(messages):
            message = self._next(deadline, what)
            if is_aside(message):
                self.asides.append(message)
            else:
                messages.append(message)
        return messages

    def quiet(self, for_s: float) -> None:
        """Wait and raise if a message comes that is no aside.

        Raises:
            Broken: one came.
        """
        deadline = time.monotonic() + for_s
        while time.monotonic() < deadline:
            self._turn(deadline - time.monotonic())
            while self._heard:
                message = self._heard.popleft()
                if not is_aside(message):
                    raise Broken(f"nothing more should have come, but there came {short(message)}")
                self.asides.append(message)

    def pass_time(self, for_s: float) -> None:
        """Listen for a while without looking at what comes."""
        deadline = time.monotonic() + for_s
        while (left := deadline - time.monotonic()) > 0:
            self._turn(left)

    def exit_code(self, within_s: float) -> int | None:
        """Return the exit code if the process ends in time; negative: a signal."""
        deadline = time.monotonic() + within_s
        while (code := self.process.poll()) is None and time.monotonic() < deadline:
            time.sleep(0.005)
        return code

    def others(self) -> list[int]:
        """Return the processes that the component has started and that are there, wherever they moved.

        Linux alone can tell; elsewhere only those are ended that stay in its group.
        """
        if not Path("/proc/self/environ").exists():
            return []
        return [pid for pid in _pids() if pid != self.process.pid and self._mark in _environment(pid)]

    def wait_for_end(self) -> int:
        """Return the exit code; hears what comes until then.

        Raises:
            Broken: the process is still there after the patience.
        """
        deadline = time.monotonic() + self.patience_s
        while (code := self.process.poll()) is None:
            if time.monotonic() > deadline:
                raise Broken(f"the process was still there {self.patience_s:g} s later")
            self._turn(0.02)
        return code

    # ---- behind it

    def _next(self, deadline: float, what: str) -> Any:
        while not self._heard:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Broken(f"{what} did not come within {self.patience_s:g} s")
            if self._has_ended:
                raise Broken(f"{what} did not come: {self._last_words()}")
            self._turn(left)
        return self._heard.popleft()

    def _last_words(self) -> str:
        code = self.exit_code(within_s=1.0)
        how = "it closed its output" if code is None else f"it ended with exit code {code}"
        lines = b"".join(self.stderr).decode(errors="replace").strip().splitlines()
        return f"{how}; stderr: {' | '.join(lines[-3:])[-SHOWN_CHARS:]}" if lines else how

    def _turn(self, timeout_s: float) -> None:
        """Send what can be sent and take what has come; wait for either, if there is neither."""
        if self._unsent and self.process.stdin not in self._selector.get_map():
            self._selector.register(self.process.stdin, selectors.EVENT_WRITE, "stdin")
        for key, _ in self._selector.select(max(0.0, timeout_s)):
            if key.data == "stdin":
                self._send()
            elif key.data == "stderr":
                self._take_stderr()
            elif self.is_reading:
                self._take_stdout()
            else:
                time.sleep(min(timeout_s, 0.01))

    def _send(self) -> None:
        try:
            sent = os.write(self.process.stdin, self._unsent[:CHUNK_BYTES])
        except BlockingIOError:
            return
        except OSError:
            sent = len(self._unsent)  # it reads no more; its end will show
        del self._unsent[:sent]
        if not self._unsent:
            self._unregister(self.process.stdin)

    def _flush_all(self) -> None:
        deadline = time.monotonic() + self.patience_s
        while self._unsent:
            if time.monotonic() > deadline:
                raise Broken(
                    f"it does not read: {len(self._unsent)} bytes were left after {self.patience_s:g} s"
                )
            self._turn(0.05)

    def _take_stderr(self) -> None:
        data = _read(self.process.stderr)
        if data:
            self.stderr.append(data)
        elif data == b"":
            self._unregister(self.process.stderr)

    def _take_stdout(self) -> None:
        data = _read(self.process.stdout)
        if data is None:
            return
        if not data:
            self._has_ended = True
            self._unregister(self.process.stdout)
            return
        try:
            texts = self._frames.feed(data)
        except RemoteProtocolError as exc:
            raise Broken(str(exc)) from exc
        for text in texts:
            self._note("<", text)
            self._heard.append(parsed(text))

    def _unregister(self, descriptor: int) -> None:
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)

    def _note(self, direction: str, text: bytes, more: str = "") -> None:
        shown = text[:SHOWN_CHARS].decode(errors="replace")
        cut = f" ... ({len(text)} bytes)" if len(text) > SHOWN_CHARS else ""
        self.transcript.append(f"{direction} {shown}{cut}{more}")


def encoded(message: Any) -> bytes:
    """Return a message as hosts write it: JSON in ASCII, on one line."""
    return json.dumps(message, separators=(",", ":")).encode()


def parsed(text: bytes) -> Any:
    """Return a message of the component.

    Raises:
        Broken: it is none.
    """
    try:
        decoded = text.decode()
    except UnicodeDecodeError as exc:
        raise Broken(f"what came is not UTF-8 ({exc.reason}): {text[:SHOWN_CHARS]!r}") from exc
    try:
        message = json.loads(decoded)
    except RecursionError as exc:
        raise Broken(f"what came is nested too deeply for hosts to read: {short_text(decoded)}") from exc
    except ValueError as exc:
        raise Broken(f"what came before a line 'end' is not JSON ({exc}): {decoded[:SHOWN_CHARS]!r}") from exc
    if not isinstance(message, dict):
        raise Broken(f"a message must be an object, not {short(message)}")
    return message


def is_aside(message: Any) -> bool:
    """Return whether a message may come at any time and is no answer to anything."""
    return message.get("command") in ("log", "error", "metrics")


def short(message: Any) -> str:
    """Return a message as text that fits into a sentence."""
    return short_text(json.dumps(message))


def short_text(text: str) -> str:
    """Return as much of a text as people look at."""
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "..."


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _environment(pid: int) -> str:
    """Return the environment of a process; empty if it has ended, or is not ours to see."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _read(descriptor: int) -> bytes | None:
    """Return what is there; empty: the end; None: nothing yet."""
    try:
        return os.read(descriptor, CHUNK_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""
