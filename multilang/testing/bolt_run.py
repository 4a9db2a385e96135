"""A bolt under test: it is sent tuples, ticks and heartbeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multilang.testing.component_run import ComponentRun, as_text
from multilang.testing.errors import ComponentEnded, TestingError
from multilang.testing.outcome import Outcome


class BoltRun(ComponentRun):
    """A started bolt; made by `multilang.testing.run`.

    Example:
        >>> from multilang.client import Bolt
        >>> from multilang.testing import run
        >>> class Split(Bolt):
        ...     def process(self, tup):
        ...         for word in tup.values.sentence.split():
        ...             self.emit([word])
        >>> split = run(Split, inputs=["sentence"])
        >>> outcome = split.send(["the cow"])
        >>> outcome.emitted, outcome.acked
        ([['the'], ['cow']], [['the cow']])
        >>> split.close()
    """

    _sent_count = 0

    def send(
        self,
        *tuples: Sequence[Any] | Mapping[str, Any],
        source: str | None = None,
        stream: str = "default",
        task: int | None = None,
    ) -> Outcome:
        """Let it process tuples, one after the other; return what came of them.

        Args:
            tuples: their values, in a row, or by field name if ``inputs`` has them.
            source: who emits them; None: the first of ``inputs``.
            stream: on which stream.
            task: which task of the source emits them; None: its first.

        Raises:
            Exception: what it raised, if the run says so; the outcome until then is in `outcome`.
            ComponentEnded: it has ended before.
            TestingError: the values do not fit ``inputs``.
        """
        source = source or next(iter(self._inputs), "source")
        if self._inputs and source not in self._inputs:
            raise TestingError(f"there is no source {source!r}; inputs has: {', '.join(self._inputs)}")
        places = list(self._inputs).index(source) if self._inputs else 0
        task = self.instance.task_id + 1 + places if task is None else task
        return self._tell(
            self._message(source, stream, task, self._values(each, source, stream)) for each in tuples
        )

    def tick(self, count: int = 1) -> Outcome:
        """Let it handle ticks; return what came of them."""
        return self._tell(self._message("__system", "__tick", -1, [1]) for _ in range(count))

    def heartbeat(self) -> bool:
        """Return whether it answers a host that asks for a sign of life."""
        before = self._recorder.sync_count
        self._tell([self._message(None, "__heartbeat", -1, [])])
        return self._recorder.sync_count > before

    def batch(self) -> Outcome:
        """Let a `TicklessBatchingBolt` handle what it has gathered, as it would when its time has come.

        Raises:
            TestingError: it is none.
        """
        if not self._hosted.gathers_by_itself:
            raise TestingError(f"{self._hosted.name} is no TicklessBatchingBolt; send it ticks")
        if self._hosted.ended:
            raise ComponentEnded(self._hosted.name, self._hosted.ended)
        mark = self._recorder.mark()
        self._hosted.gather()
        self._after_turn()
        return self._recorder.since(mark)

    def _message(self, source: str | None, stream: str, task: int, values: list[Any]) -> bytes:
        self._sent_count += 1
        return as_text(
            {"id": str(self._sent_count), "comp": source, "stream": stream, "task": task, "tuple": values}
        )

    def _values(self, given: Sequence[Any] | Mapping[str, Any], source: str, stream: str) -> list[Any]:
        declared = self._inputs.get(source, {}).get(stream)
        if isinstance(given, str | bytes) or not isinstance(given, Sequence | Mapping):
            raise TestingError(f"a tuple is a list of values, or a dict of them by field, not {given!r}")
        if isinstance(given, Mapping):
            if declared is None or set(given) != set(declared):
                shown = ", ".join(declared or ()) or "nothing; say inputs=[...] when you run it"
                raise TestingError(f"{dict(given)!r} does not fit stream {stream!r}, which declares {shown}")
            return [given[field] for field in declared]
        if declared is not None and len(declared) != len(given):
            raise TestingError(
                f"{list(given)!r} does not fit stream {stream!r}, which declares {', '.join(declared)}"
            )
        return list(given)
