"""One component in this process: fed with a host's messages, read as a host would read it.

    feed() -> its input -> turn(): one message handled -> its output -> take_output()
                  ^
                  +-- on_dry(): it reads on in the middle of a turn, to learn task ids

Nothing runs by itself and there is no thread, so breakpoints and tracebacks
work as in any test.  Its exceptions are reported as its own loop would report
them; `raised` has the last one.
"""

from __future__ import annotations

import io
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from multilang.framing import END
from multilang.testing.errors import ComponentEnded, TestingError

_LOGGERS = ("pystorm", "pystorm.component")
_NEEDED = ("_run", "_setup_component", "read_handshake", "initialize", "_handle_run_exception")


class _Input(io.RawIOBase):
    """What the component reads; asks for more when there is nothing left."""

    def __init__(self, on_dry: Callable[[], None]) -> None:
        super().__init__()
        self.data = bytearray()
        self._on_dry = on_dry

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return what there is, at least one byte."""
        if not self.data:
            self._on_dry()
        taken = bytes(self.data if size < 0 else self.data[:size])
        del self.data[: len(taken)]
        return taken

    read1 = read


class _Output(io.RawIOBase):
    """What the component writes."""

    def __init__(self) -> None:
        super().__init__()
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


class Hosted:
    """An instance of a component class, between an input and an output in memory.

    Args:
        component_class: on pystorm, streamparse or `multilang.client`.
        name: the component's id, for messages.
        on_dry: called when it reads though nothing waits; must `feed` something, or raise.

    Raises:
        TestingError: the class cannot be run so; says why.
    """

    def __init__(self, component_class: type, name: str, on_dry: Callable[[], None]) -> None:
        if not isinstance(component_class, type):
            raise TestingError(
                f"{component_class!r} is an object; give its class, {type(component_class).__name__}, which"
                " is started here as its runner would start it"
            )
        if not all(hasattr(component_class, needed) for needed in _NEEDED):
            raise TestingError(
                f"{component_class!r} is no component: it must be a class derived from a Spout or Bolt of "
                "pystorm, streamparse or multilang.client"
            )
        self.name = name
        self.raised: Exception | None = None
        self.ended = ""
        """Why it has ended; empty while it has not."""

        self._input = _Input(on_dry)
        self._output = _Output()
        self._due_count = 0
        self._handlers: list[logging.Handler] = []
        self._levels = {logger: logger.level for logger in map(logging.getLogger, _LOGGERS)}
        self.is_spout = hasattr(component_class, "next_tuple")
        self.gathers_by_itself = hasattr(component_class, "_batch_entry")
        """Whether it has batches of its own time; here nothing but `gather` makes them."""

        self.instance = self._make(component_class)
        self.instance._exit = self._exit  # noqa: SLF001  os._exit, where threads run

    @property
    def batch_s(self) -> float:
        """Seconds between the batches of one that `gathers_by_itself`."""
        return float(self.instance.secs_between_batches)

    def feed(self, data: bytes) -> list[bytes]:
        """Take whole messages for the component; return their texts, without the ends."""
        self._input.data += data
        texts = data.split(END)[:-1]
        # Lists of task ids are read when they are needed, no turn is due to them.
        self._due_count += sum(not text.startswith(b"[") for text in texts)
        return texts

    def greet(self) -> None:
        """Let it read its handshake and learn who it is."""
        component = self.instance
        self._due_count -= 1
        root = logging.getLogger()
        before = list(root.handlers)
        try:
            conf, context = component.read_handshake()
            component._setup_component(conf, context)  # noqa: SLF001  what its own loop calls
        finally:
            self._handlers = [handler for handler in root.handlers if handler not in before]
            for handler in self._handlers:
                root.removeHandler(handler)

    def initialize(self) -> None:
        """Call its `initialize`; an exception there is the end of a process."""
        component = self.instance
        try:
            with self._logging():
                component.initialize(component.storm_conf, component.context)
        except Exception as exc:
            self.raised, self.ended = exc, f"initialize raised {exc!r}"
            raise

    def turn(self) -> bool:
        """Let it handle the next message; return whether there was one."""
        if not self._due_count or self.ended:
            return False
        self._due_count -= 1
        self._guarded(self.instance._run)  # noqa: SLF001  what its own loop calls
        return True

    def gather(self) -> None:
        """Let one that `gathers_by_itself` handle its batches now."""
        if not self.ended:
            self._guarded(self.instance.process_batches)

    def take_output(self) -> bytes:
        """Return what it wrote since the last call."""
        data = bytes(self._output.data)
        self._output.data.clear()
        return data

    def close(self) -> None:
        """Leave logging as it was."""
        self.ended = self.ended or "the test closed it"
        for handler in self._handlers:
            handler.close()
        for logger, level in self._levels.items():
            logger.setLevel(level)

    def _make(self, component_class: type) -> Any:
        if self.gathers_by_itself:
            if threading.current_thread() is not threading.main_thread():
                raise TestingError(f"{component_class.__name__} can only be made in the main thread")
            # The thread that it starts has nothing to do, so that only `gather` makes batches.
            names = {"_batch_entry": lambda _: None, "__module__": component_class.__module__}
            component_class = type(component_class.__name__, (component_class,), names)
        before = signal.getsignal(signal.SIGUSR1)
        thread_name = threading.current_thread().name
        try:
            return component_class(
                input_stream=self._input, output_stream=self._output, rdb_signal=None, serializer="json"
            )
        except TypeError as exc:
            raise TestingError(
                f"{component_class.__name__} cannot be made as its runner makes it: {exc}. Its __init__ must "
                "take what that of its base takes; better leave it out and use initialize"
            ) from exc
        finally:
            if self.gathers_by_itself:
                signal.signal(signal.SIGUSR1, before)
                threading.current_thread().name = thread_name

    def _guarded(self, act: Callable[[], object]) -> None:
        """Do something as its loop would: what it raises is reported, and may be its end.

        Source: pystorm:pystorm/component.py (Component.run)
        """
        component = self.instance
        with self._logging():
            try:
                act()
            except TestingError:
                raise
            except Exception as exc:
                self.raised = exc
                component.logger.error("Exception in %s.run()", type(component).__name__, exc_info=exc)
                component._handle_run_exception(exc)  # noqa: SLF001  what its own loop calls
                if component.exit_on_exception:
                    self.ended = f"it raised {exc!r}"
            except SystemExit as exc:
                self.ended = f"it called sys.exit({exc.code!r})"

    def _exit(self, status_code: int) -> NoReturn:
        """Take the place of the component's own, which would end the tests."""
        self.ended = f"it ended its process with code {status_code}"
        raise ComponentEnded(self.name, self.ended)

    @contextmanager
    def _logging(self) -> Iterator[None]:
        """Lead what is logged to this component alone, besides where it goes anyway."""
        root = logging.getLogger()
        for handler in self._handlers:
            root.addHandler(handler)
        try:
            yield
        finally:
            for handler in self._handlers:
                root.removeHandler(handler)
