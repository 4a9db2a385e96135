"""Bolts that gather tuples and handle them in groups."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import defaultdict
from types import FrameType, TracebackType
from typing import Any

from multilang.client.bolt import Bolt
from multilang.client.component import Tuple


class BatchingBolt(Bolt):
    """Handles what came between ticks, grouped by `group_key`; override `process_batch`.

    The topology needs ``topology.tick.tuple.freq.secs``.

    Attributes:
        ticks_between_batches: a batch is handled at the first tick after so many.

    Example:
        >>> class Counts(BatchingBolt):
        ...     def group_key(self, tup):
        ...         return tup.values[0]
        ...
        ...     def process_batch(self, key, tups):
        ...         self.emit([key, len(tups)])
    """

    ticks_between_batches: int = 1

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._batches: dict[Any, list[Any]] = defaultdict(list)
        self._tick_counter = 0
        self._current_key: Any = None

    def group_key(self, tup: Tuple) -> Any:
        """Return what a tuple is grouped by; None puts all into one group."""
        return None

    def process_batch(self, key: Any, tups: list[Any]) -> None:
        """Handle the tuples of one group."""
        raise NotImplementedError

    def emit(self, tup: list[Any] | tuple[Any, ...], **kwargs: Any) -> None:  # type: ignore[override]  # as pystorm
        """Emit values anchored to the whole group; returns nothing."""
        kwargs["need_task_ids"] = False
        super().emit(tup, **kwargs)

    def process_tick(self, tick_tup: Tuple) -> None:
        """Ack the tick, and handle the groups if enough ticks have come."""
        self._tick_counter += 1
        self.ack(tick_tup)
        if self._tick_counter > self.ticks_between_batches and self._batches:
            self.process_batches()
            self._tick_counter = 0

    def process_batches(self) -> None:
        """Handle and ack every group."""
        for key, batch in self._batches.items():
            self._current_tups = batch
            self._current_key = key
            self.process_batch(key, batch)
            if self.auto_ack:
                for tup in batch:
                    self.ack(tup)
            # Acked already: a later group's exception must not fail it.
            self._current_key = None
            self._batches[key] = []
        self._batches = defaultdict(list)

    def process(self, tup: Tuple) -> None:
        """Put a tuple into its group."""
        self._batches[self.group_key(tup)].append(tup)

    def _choose_way(self) -> None:
        super()._choose_way()
        self._acks_itself = True  # after the batch, not after the tuple

    def _take_tick(self, tup: Tuple) -> None:
        self.process_tick(tup)

    def _take_data(self, tup: Tuple) -> None:
        self.process(tup)

    def _handle_run_exception(self, exc: Exception) -> None:
        self.raise_exception(exc, self._current_tups)
        if not self.auto_fail:
            return
        failed = set()
        for key, batch in self._batches.items():
            if self.exit_on_exception or key == self._current_key:
                for tup in batch:
                    self.fail(tup)
                    failed.add(tup.id)
        for tup in self._current_tups:
            if tup.id not in failed:
                self.fail(tup)
        self._batches[self._current_key] = []
        self._current_key = None


class TicklessBatchingBolt(BatchingBolt):
    """Handles groups every so often, in a thread of its own; needs no ticks.

    Attributes:
        secs_between_batches: how long to gather; a fraction is fine.
    """

    secs_between_batches: float = 2

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.exc_info: Any = None
        self._batch_lock = threading.RLock()
        signal.signal(signal.SIGUSR1, self._handle_worker_exception)
        name = type(self).__name__
        threading.current_thread().name = f"{name}:main-thread"
        self._batcher = threading.Thread(
            target=self._batch_entry, name=f"{name}:_batcher-thread", daemon=True
        )
        self._batcher.start()

    def process_tick(self, tick_tup: Tuple) -> None:
        """Ack a tick and do nothing more."""
        self.ack(tick_tup)

    def _batch_entry(self) -> None:
        """Run in the thread; an exception goes to the main one, which waits for input."""
        try:
            while True:
                self._batch_entry_run()
        except BaseException:  # noqa: BLE001  the main thread raises it again
            self.exc_info = sys.exc_info()
            os.kill(self.pid, signal.SIGUSR1)

    def _batch_entry_run(self) -> None:
        time.sleep(self.secs_between_batches)
        with self._batch_lock:
            self.process_batches()

    def _handle_worker_exception(self, number: int, frame: FrameType | None) -> None:
        with self._batch_lock:
            exception: BaseException = self.exc_info[1]
            trace: TracebackType | None = self.exc_info[2]
            raise exception.with_traceback(trace)

    def _take(self, tup: Tuple) -> None:
        with self._batch_lock:
            super()._take(tup)
