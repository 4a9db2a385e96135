from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storm_compat.errors import SessionGone
from storm_compat.sessions import Sessions

IDLE_S = 10.0
MOST = 3


class Model(RuleBasedStateMachine):
    """The table beside a plain list of what should be in it: [id, content, last use], oldest use first."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped: list[int] = []
        numbers = itertools.count()
        self.table: Sessions[int] = Sessions(
            "Blob",
            idle_s=IDLE_S,
            max_count=MOST,
            drop=self.dropped.append,
            new_id=lambda: f"s{next(numbers)}",
        )
        self.alive: list[tuple[str, int, float]] = []
        self.gone: list[int] = []
        self.count = 0
        self.now = 0.0

    @rule(step_s=st.sampled_from([0.5, 4.0, 11.0]))
    def wait(self, step_s: float) -> None:
        self.now += step_s

    @rule()
    def open(self) -> None:
        self.now += 0.001  # no two uses at the same time: which is the older one would be chance
        if len(self.alive) == MOST:
            self.gone.append(self.alive.pop(0)[1])
        session = self.table.open(self.count, self.now)
        assert session == f"s{self.count}"
        self.alive.append((session, self.count, self.now))
        self.count += 1

    @rule(data=st.data())
    def use(self, data: Any) -> None:
        self.now += 0.001
        session = data.draw(st.sampled_from([f"s{n}" for n in range(self.count + 1)]))
        found = next((s for s in self.alive if s[0] == session), None)
        if found is None or self.now - found[2] > IDLE_S:
            if found is not None:
                self.alive.remove(found)
                self.gone.append(found[1])
            with pytest.raises(SessionGone):
                self.table.use(session, self.now)
            return
        assert self.table.use(session, self.now) == found[1]
        self.alive.remove(found)
        self.alive.append((session, found[1], self.now))
        if data.draw(st.booleans(), "close"):
            assert self.table.close(session) == found[1]
            self.alive.pop()

    @rule()
    def clean(self) -> None:
        over = [s for s in self.alive if self.now - s[2] > IDLE_S]
        assert self.table.clean(self.now) == len(over)
        self.gone += [s[1] for s in over]
        self.alive = [s for s in self.alive if s not in over]

    @invariant()
    def each_session_is_there_or_was_dropped_once(self) -> None:
        assert len(self.table) == len(self.alive)
        assert sorted(self.dropped) == sorted(self.gone)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_an_unknown_session_is_answered_with_storms_sentence() -> None:
    table: Sessions[int] = Sessions("Blob", idle_s=1, max_count=1)
    for session in ("x", "", None):
        with pytest.raises(SessionGone) as caught:
            table.use(session, 0)
        assert str(caught.value).startswith(f"Blob for session {session or ''} does not exist (or timed out)")


def test_ids_cannot_be_guessed_and_all_sessions_can_be_ended() -> None:
    dropped: list[int] = []
    table: Sessions[int] = Sessions("Blob", idle_s=1, max_count=100, drop=dropped.append)
    ids = {table.open(number, 0) for number in range(50)}
    assert len(ids) == 50
    assert all(len(session) == 36 for session in ids)
    table.end_all()
    table.end("x")
    assert (len(table), sorted(dropped)) == (0, list(range(50)))
