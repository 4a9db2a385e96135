"""A component class under test: started as a host starts it, then told what to do, step by step."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, TypedDict, Unpack, overload

from multilang import codec
from multilang.framing import END
from multilang.session import Kind, ShellSession
from multilang.testing.errors import ComponentEnded, TestingError
from multilang.testing.hosted import Hosted
from multilang.testing.outcome import Outcome, Recorder

if TYPE_CHECKING:
    from multilang.testing.bolt_run import BoltRun
    from multilang.testing.spout_run import SpoutRun

Streams = Mapping[str, Sequence[str]]
"""Stream -> its fields."""


class SpoutLike(Protocol):
    """What a spout has and a bolt has not."""

    def next_tuple(self) -> Any:
        """Emit the next tuple."""


class BoltLike(Protocol):
    """What a bolt has and a spout has not."""

    def process(self, tup: Any, /) -> Any:
        """Handle one tuple."""


class Options(TypedDict, total=False):
    """How a component is run; `run` says what each means."""

    conf: Mapping[str, Any] | None
    name: str
    task: int
    inputs: Sequence[str] | Mapping[str, Sequence[str] | Streams] | None
    outputs: Sequence[Any] | Streams | None
    task_ids: Sequence[int]
    raises: bool


class Start(Protocol):
    """The type of `run`, and of the fixture `component`."""

    @overload
    def __call__(self, component_class: type[SpoutLike], **options: Unpack[Options]) -> SpoutRun: ...
    @overload
    def __call__(self, component_class: type[BoltLike], **options: Unpack[Options]) -> BoltRun: ...


_CONF = {"topology.name": "test", "pystorm.log.format": "%(message)s"}


@overload
def run(component_class: type[SpoutLike], **options: Unpack[Options]) -> SpoutRun: ...
@overload
def run(component_class: type[BoltLike], **options: Unpack[Options]) -> BoltRun: ...
def run(
    component_class: type,
    *,
    conf: Mapping[str, Any] | None = None,
    name: str = "component",
    task: int = 1,
    inputs: Sequence[str] | Mapping[str, Sequence[str] | Streams] | None = None,
    outputs: Sequence[Any] | Streams | None = None,
    task_ids: Sequence[int] = (2,),
    raises: bool = True,
) -> BoltRun | SpoutRun:
    """Return a started component, to be told what to do.

    Args:
        component_class: on pystorm, streamparse or `multilang.client`.
        conf: what it is told in its handshake, besides ``topology.name``.
        name: its component id.
        task: its task id.
        inputs: bolts: the fields of what it gets, by source or by source and stream if that matters.
        outputs: what it declares, to be held to it; None: its class attribute `outputs`, if it has one.
        task_ids: what it is told when it asks where an emit went.
        raises: whether its exceptions are also the test's, after it has reported them.

    Raises:
        TestingError: the class cannot be run so; says why.
    """
    from multilang.testing.bolt_run import BoltRun
    from multilang.testing.spout_run import SpoutRun

    kind = SpoutRun if hasattr(component_class, "next_tuple") else BoltRun
    if outputs is None:
        outputs = getattr(component_class, "outputs", None)
    return kind(
        component_class,
        conf={**_CONF, **(conf or {})},
        name=name,
        task=task,
        inputs=_by_source(inputs),
        streams=declared_streams(outputs),
        task_ids=task_ids,
        raises=raises,
    )


class ComponentRun:
    """What spouts and bolts under test have in common; made by `run`."""

    def __init__(
        self,
        component_class: type,
        *,
        conf: Mapping[str, Any],
        name: str,
        task: int,
        inputs: dict[str, dict[str, list[str]]],
        streams: dict[str, list[str]] | None,
        task_ids: Sequence[int],
        raises: bool,
    ) -> None:
        self._inputs = inputs
        self._task_ids = list(task_ids)
        self._raises = raises
        self._recorder = Recorder(streams)
        self._hosted = Hosted(component_class, name, self._answer)
        self._session = ShellSession(Kind.SPOUT if self._hosted.is_spout else Kind.BOLT)
        try:
            self._start(conf, _context(name, task, inputs, streams or {}))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return itself; it is closed in the end."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def instance(self) -> Any:
        """The object of the class, to look at its state."""
        return self._hosted.instance

    @property
    def outcome(self) -> Outcome:
        """Everything since the start."""
        return self._recorder.outcome()

    @property
    def ended(self) -> str:
        """Why its process would have ended; empty while it would not."""
        return self._hosted.ended

    def close(self) -> None:
        """End it; logging is as before."""
        self._hosted.close()

    def _start(self, conf: Mapping[str, Any], context: Mapping[str, Any]) -> None:
        mark = self._recorder.mark()
        with tempfile.TemporaryDirectory(prefix="heronry-") as pid_dir:
            self._hosted.feed(self._session.greet(conf, pid_dir, context))
            self._hosted.greet()
        self._note()
        self._recorder.forget_logs(mark)  # that it logs to the host is of no interest
        self._hosted.initialize()
        self._note()

    def _tell(self, messages: Iterable[bytes]) -> Outcome:
        """Let it handle messages one after the other; return what came of them."""
        mark = self._recorder.mark()
        for message in messages:
            if self._hosted.ended:
                raise ComponentEnded(self._hosted.name, self._hosted.ended)
            for text in self._hosted.feed(message + END):
                self._recorder.hear(text)
            while self._hosted.turn():
                self._after_turn()
        return self._recorder.since(mark)

    def _after_turn(self) -> None:
        """Take what it said; an exception of its own is raised now if it is to be."""
        self._note()
        raised, self._hosted.raised = self._hosted.raised, None
        if raised is not None and self._raises:
            raise raised

    def _note(self) -> None:
        self._recorder.note(self._session.receive(self._hosted.take_output()))

    def _answer(self) -> None:
        """Tell task ids to a component that waits for them."""
        self._note()
        if not self._recorder.unanswered_count:
            raise TestingError(
                f"{self._hosted.name} reads on in the middle of a tuple, though it has asked nothing"
            )
        while self._recorder.unanswered_count:
            self._recorder.unanswered_count -= 1
            self._hosted.feed(codec.render_task_ids(self._task_ids))


def declared_streams(outputs: Sequence[Any] | Streams | None) -> dict[str, list[str]] | None:
    """Return stream -> fields of what is written as streamparse's outputs: fields, streams, or both."""
    if outputs is None:
        return None
    if isinstance(outputs, Mapping):
        return {stream: list(fields) for stream, fields in outputs.items()}
    streams: dict[str, list[str]] = {}
    for output in outputs:
        if isinstance(output, str):
            streams.setdefault("default", []).append(output)
        else:
            streams[output.name] = list(output.fields)
    return streams


def _by_source(
    inputs: Sequence[str] | Mapping[str, Sequence[str] | Streams] | None,
) -> dict[str, dict[str, list[str]]]:
    if inputs is None:
        return {}
    if not isinstance(inputs, Mapping):
        return {"source": {"default": list(inputs)}}
    return {
        source: {stream: list(fields) for stream, fields in of.items()}
        if isinstance(of, Mapping)
        else {"default": list(of)}
        for source, of in inputs.items()
    }


def _context(
    name: str, task: int, inputs: dict[str, dict[str, list[str]]], streams: dict[str, list[str]]
) -> dict[str, Any]:
    """Return what a host would tell about the topology: the component, and its sources."""
    tasks = {str(task): name} | {str(task + 1 + i): source for i, source in enumerate(inputs)}
    return {
        "taskid": task,
        "componentid": name,
        "task->component": tasks,
        "streams": sorted(streams),
        "stream->outputfields": streams,
        "stream->target->grouping": {},
        "source->stream->grouping": {
            source: {stream: {"type": "SHUFFLE"} for stream in of} for source, of in inputs.items()
        },
        "source->stream->fields": inputs,
    }


def as_text(message: Mapping[str, Any]) -> bytes:
    """Return a message as a host writes it, without its end.

    Raises:
        TestingError: it holds what JSON has no place for.
    """
    try:
        return json.dumps(message).encode("ascii")
    except TypeError as exc:
        raise TestingError(f"a component only ever gets values of JSON: {exc}") from exc
