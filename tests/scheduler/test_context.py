"""The context that a component is told in its handshake: Storm's shapes and words."""

from __future__ import annotations

import json

import pytest

from scheduler.context import shell_context
from scheduler.topology import Component, Grouping, GroupingKind, Stream, Topology
from tests.scheduler.stream.cluster import bolt, by, spout, topology

K = GroupingKind


def plan() -> Topology:
    two = {"default": Stream(("word", "count")), "errors": Stream(("text",)), "d": Stream((), is_direct=True)}
    acker = Component("__acker", False, (), {"__ack": Stream(("id",))}, (), (1,), 1, is_system=True)
    return topology(
        acker,
        bolt(
            "split",
            2,
            3,
            reads=[by(K.FIELDS, "words", "default", "word", "count"), by(K.GLOBAL, "words", "errors")],
            streams={"default": Stream(("w",))},
        ),
        bolt(
            "store",
            4,
            reads=[by(K.ALL, "split"), by(K.DIRECT, "words", "d"), by(K.NONE, "words")],
            streams={},
        ),
        bolt("tail", 7, reads=[by(K.LOCAL_OR_SHUFFLE, "words"), by(K.SHUFFLE, "split")], streams={}),
        spout("words", 5, 6, streams=two),
    )


TASKS = {"1": "__acker", "2": "split", "3": "split", "4": "store", "5": "words", "6": "words", "7": "tail"}
WORDS_FIELDS = {"default": ["word", "count"], "errors": ["text"], "d": []}


def test_a_spout_hears_its_streams_and_who_reads_them() -> None:
    assert shell_context(plan(), 6) == {
        "taskid": 6,
        "componentid": "words",
        "task->component": TASKS,
        "streams": ["d", "default", "errors"],
        "stream->outputfields": WORDS_FIELDS,
        "stream->target->grouping": {
            "default": {
                "split": {"type": "FIELDS", "fields": ["word", "count"]},
                "store": {"type": "NONE"},
                "tail": {"type": "LOCAL_OR_SHUFFLE"},
            },
            "errors": {"split": {"type": "FIELDS", "fields": []}},
            "d": {"store": {"type": "DIRECT"}},
        },
        "source->stream->grouping": {},
        "source->stream->fields": {},
    }


def test_a_bolt_hears_all_streams_of_its_sources() -> None:
    context = shell_context(plan(), 2)
    assert context["source->stream->grouping"] == {
        "words": {
            "default": {"type": "FIELDS", "fields": ["word", "count"]},
            "errors": {"type": "FIELDS", "fields": []},
        }
    }
    assert context["source->stream->fields"] == {"words": WORDS_FIELDS}
    assert context["stream->target->grouping"] == {
        "default": {"store": {"type": "ALL"}, "tail": {"type": "SHUFFLE"}}
    }


def test_the_last_bolt_has_no_targets() -> None:
    context = shell_context(plan(), 4)
    assert (context["streams"], context["stream->target->grouping"]) == ([], {})


def test_every_context_is_json_with_the_eight_keys() -> None:
    for task in (2, 3, 4, 5, 6, 7):
        context = shell_context(plan(), task)
        assert len(context) == 8
        assert json.loads(json.dumps(context)) == context


def test_a_task_that_does_not_exist_has_none() -> None:
    with pytest.raises(KeyError):
        shell_context(plan(), 99)


def test_a_grouping_that_came_as_a_java_object_is_called_so() -> None:
    reads = [
        by(K.PARTIAL_KEY, "words", "default", "word"),
        ("words", "errors", Grouping(K.SHUFFLE, word="CUSTOM_OBJECT")),
    ]
    streams = {"default": Stream(("word",)), "errors": Stream(("text",))}
    told = shell_context(topology(bolt("a", 1, reads=reads), spout("words", 2, streams=streams)), 1)
    assert told["source->stream->grouping"] == {
        "words": {"default": {"type": "CUSTOM_SERIALIZED"}, "errors": {"type": "CUSTOM_OBJECT"}}
    }
