"""Scripts for components, as hypothesis makes them up."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.multilang.client.play import Script

# Lone surrogates and NaN are treated differently on purpose: test_component.py.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
rows = st.lists(values, max_size=4)
streams = st.sampled_from([None, "default", "other"])


def _options(**more: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={"stream": streams, "direct_task": st.integers(1, 9), **more})


_says = st.one_of(
    st.tuples(st.just("log"), texts, st.sampled_from(["debug", "info", "warn", "error", "strange", None])),
    st.tuples(st.just("logger"), st.sampled_from(["debug", "info", "warning", "error"]), texts),
    st.tuples(st.just("metric"), texts, values),
)
_raises = st.tuples(st.just("raise"), texts)
_bolt_emits = st.tuples(
    st.just("emit"),
    rows,
    _options(anchors=st.lists(st.sampled_from(["1", "2", "x"]), max_size=2)),
)
_acts_of_bolts = st.lists(
    st.one_of(_bolt_emits, _bolt_emits, _says, st.tuples(st.sampled_from(["ack", "fail"]))), max_size=5
)
_ids = st.integers() | texts | st.lists(st.integers(0, 9), max_size=2)
_acts_of_spouts = st.lists(st.tuples(st.just("emit"), rows, _options(tup_id=_ids)) | _says, max_size=4)

_confs = st.fixed_dictionaries(
    {},
    optional={
        "pystorm.log.level": st.sampled_from(["debug", "info", "warning", "error", "trace", "nonsense"]),
        "topology.debug": st.booleans(),
    },
)
_switches = st.fixed_dictionaries(
    {},
    optional={name: st.booleans() for name in ("auto_anchor", "auto_ack", "auto_fail", "exit_on_exception")},
)
_contexts = st.sampled_from(
    [
        {},
        {"componentid": None, "task->component": {"4": "c"}},
        {"source->stream->fields": {"s": {"default": ["acts", "key"], "other-stream": ["x"]}}},
        {"source->stream->fields": {"s": {"default": ["acts", "key"]}, "é 1": {"default": ["a", "b"]}}},
    ]
)


@st.composite
def _tuples(draw: st.DrawFn, *, can_fail: bool) -> dict[str, Any]:
    acts = draw(_acts_of_bolts)
    if can_fail and draw(st.integers(0, 9)) == 0:
        acts.append(draw(_raises))
    return {
        "id": draw(st.sampled_from(["-6955786537413359385", "1", "2", "8"])),
        "comp": draw(st.sampled_from(["s", "é 1", "unknown"])),
        "stream": "default",
        "task": draw(st.integers(1, 9)),
        "tuple": [acts, draw(st.sampled_from(["a", "b"]))],
    }


_heartbeats = st.just({"id": "77", "comp": None, "stream": "__heartbeat", "task": -1, "tuple": []})
_ticks = st.just({"id": "78", "comp": "__system", "stream": "__tick", "task": -1, "tuple": [2]})


@st.composite
def bolt_scripts(draw: st.DrawFn) -> Script:
    """Return scripts for bolts of both kinds."""
    return Script(
        draw(st.sampled_from(["Interpreter", "Batching"])),
        draw(
            st.lists(
                st.one_of(*[_tuples(can_fail=True)] * 4, _heartbeats, _ticks, _ticks), min_size=1, max_size=8
            )
        ),
        draw(_switches),
        draw(_confs),
        draw(_contexts),
    )


@st.composite
def spout_scripts(draw: st.DrawFn) -> Script:
    """Return scripts for spouts of both kinds."""
    kind = draw(st.sampled_from(["Scripted", "Reliable"]))
    script = draw(st.lists(_acts_of_spouts, max_size=5))
    ids = [act[2]["tup_id"] for acts in script for act in acts if act[0] == "emit" and "tup_id" in act[2]]
    if kind == "Reliable":
        ids = [tup_id for tup_id in ids if not isinstance(tup_id, list)]
        script = [
            [act for act in acts if act[0] != "emit" or not isinstance(act[2].get("tup_id"), list)]
            for acts in script
        ]
    some_id = st.sampled_from([*ids, 0, "never emitted"])
    commands = st.one_of(
        *[st.just({"command": "next", "id": ""})] * 3,
        st.fixed_dictionaries({"command": st.sampled_from(["ack", "fail"]), "id": some_id}),
        st.sampled_from(
            [{"command": name, "id": ""} for name in ("activate", "deactivate", "unknown to us")]
        ),
    )
    return Script(
        kind,
        draw(st.lists(commands, min_size=1, max_size=10)),
        draw(st.fixed_dictionaries({}, optional={"exit_on_exception": st.booleans()})),
        {**draw(_confs), "script": script},
    )


def asking_scripts() -> st.SearchStrategy[Script]:
    """Return scripts for bolts that wait for task ids; an answer stands where a host puts it, or later."""

    def made(answers: list[list[int]], *, is_late: bool) -> Script:
        asks = [["emit", [1], {"need_task_ids": True}]]
        tuples = [
            {"id": str(n), "comp": "s", "stream": "default", "task": 3, "tuple": [asks, "a"]}
            for n in range(len(answers))
        ]
        pairs: list[Any] = []
        for tup, answer in zip(tuples, answers, strict=True):
            pairs += [tup, answer]
        return Script("Interpreter", [*tuples, *answers] if is_late else pairs)

    answers = st.lists(st.lists(st.integers(1, 9), max_size=3), min_size=1, max_size=5)
    return st.builds(made, answers, is_late=st.booleans())
