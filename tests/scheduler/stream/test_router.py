"""The stream manager by its bytes: what components are told, and what becomes of what they say."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace

import msgspec
import pytest

from multilang.framing import END
from scheduler.errors import PeerError
from scheduler.stream import notices
from scheduler.topology import GroupingKind, Stream
from tests.scheduler.stream.cluster import (
    SYNC,
    Child,
    Cluster,
    Message,
    ack,
    bolt,
    by,
    emit,
    spout,
    topology,
)

DIRECT, FIELDS, ALL, GLOBAL = (
    GroupingKind.DIRECT,
    GroupingKind.FIELDS,
    GroupingKind.ALL,
    GroupingKind.GLOBAL,
)
SENTENCES = ["the quick brown fox", "jumps over the lazy dog", "the end", "日本 the 日本"]
IDS = [{"a": [1, 2.5]}, 0, "", "é\n", 10**30, False, "m-6", -7]


def started(plan: object, *containers: list[int], **how: object) -> Cluster:
    cluster = Cluster(plan, *containers, **how)  # type: ignore[arg-type]
    cluster.activate()
    return cluster


def receive(cluster: Cluster, task: int, data: bytes) -> None:
    """Give a container bytes from a component, and let it finish its round; nothing else moves."""
    container_id = cluster.container_of[task]
    cluster.managers[container_id].receive(task, data, cluster.now)
    cluster.round(container_id)


# -- the whole ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "places", [([1, 2, 3, 4, 5],), ([1, 2, 4], [3, 5]), ([1, 3], [2, 4, 5]), ([1], [2, 5], [3, 4])]
)
def test_words_are_counted_exactly_and_every_sentence_is_acked_once(places: tuple[list[int], ...]) -> None:
    counts: Counter[str] = Counter()
    counted_by: dict[str, set[int]] = {}

    def split(child: Child, message: Message) -> None:
        for word in message["tuple"][0].split():
            child.say(emit(word, anchors=[int(message["id"])]))
        child.ack(int(message["id"]))

    def count(child: Child, message: Message) -> None:
        (word,) = message["tuple"]
        counts[word] += 1
        counted_by.setdefault(word, set()).add(child.task)
        child.say(emit(word, counts[word], anchors=[int(message["id"])]))
        child.ack(int(message["id"]))

    plan = topology(
        spout("sentences", 1),
        bolt("split", 2, 3, reads=["sentences"]),
        bolt("count", 4, 5, reads=[by(FIELDS, "split", "default", "value")]),
    )
    cluster = started(plan, *places, behave={"split": split, "count": count})
    for index, message_id in enumerate(IDS * 3):
        cluster.spout_emits(1, SENTENCES[index % 4], message_id=message_id)
    assert counts == Counter(
        {word: count * 6 for word, count in Counter(" ".join(SENTENCES).split()).items()}
    )
    assert all(len(tasks) == 1 for tasks in counted_by.values())
    assert Counter(cluster.children[1].acked) == Counter(
        json.dumps(message_id).encode() for message_id in IDS * 3
    )
    assert cluster.children[1].failed == []
    assert cluster.leftovers() == []
    assert cluster.errors() == []


def test_a_tuple_arrives_with_its_values_byte_for_byte() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, 3, reads=[by(ALL, "s")])), [1, 2], [3])
    values = b'[1.50, "\\u00e9/" ,123456789012345678901, null]'
    raw = b'{"command":"emit","tuple":%b,"need_task_ids":false}' % values
    cluster.children[1].todo.append(raw + END)
    cluster.now += 1
    cluster.settle()
    expected = b'{"comp":"s","stream":"default","task":1,"id":"2","tuple":%b}' % values
    assert cluster.children[2].texts == [expected]
    assert cluster.children[3].texts == [expected]


def test_delivery_ids_tell_the_input_and_count_per_input() -> None:
    plan = topology(spout("r", 1), spout("s", 2), bolt("a", 3, reads=["r", "s"]))
    cluster = started(plan, [1, 2, 3])
    for task in (1, 2, 1, 2, 2):
        cluster.spout_emits(task, "x")
    assert list(cluster.children[3].held) == [3, 4, 6, 7, 10]
    assert cluster.local(3).counters == [6, 10, 2]


def test_counters_tell_emitted_transferred_acked_and_failed() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, 3, reads=[by(ALL, "s")])), [1, 2, 3])
    for number in (1, 2):
        cluster.spout_emits(1, number, message_id=number)
    cluster.ack_all(3)
    one, other = cluster.children[2].held
    cluster.children[2].ack(one)
    cluster.children[2].fail(other)
    cluster.settle()
    route = cluster.local(1).routes["default"]
    assert (route.emitted, route.transferred, route.acked, route.failed) == (2, 4, 1, 1)
    assert (cluster.local(2).acked, cluster.local(2).failed) == ([1, 0], [1, 0])
    assert (cluster.local(3).acked, cluster.local(3).failed) == ([2, 0], [0, 0])


def test_a_bolt_is_busy_while_it_has_something_to_ack() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    bolt_task = cluster.local(2)
    cluster.wait(100)
    assert bolt_task.busy_ms == 0
    cluster.spout_emits(1, "x")
    cluster.spout_emits(1, "y")
    began = bolt_task.busy_since
    assert began is not None
    cluster.now = began + 3
    first, second = cluster.children[2].held
    cluster.children[2].ack(first)
    cluster.settle()
    assert bolt_task.busy_ms == pytest.approx(3000)
    cluster.now = began + 5
    cluster.children[2].ack(second)
    cluster.settle()
    assert (bolt_task.busy_ms, bolt_task.busy_since) == (pytest.approx(5000), None)
    cluster.wait(100)
    assert bolt_task.busy_ms == pytest.approx(5000)


def test_the_work_of_a_bolt_that_died_is_not_counted_on() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    cluster.spout_emits(1, "x")
    cluster.kill_child(2)
    cluster.start_child(2)
    assert (cluster.local(2).busy_ms, cluster.local(2).busy_since) == (0, None)


# -- spouts -------------------------------------------------------------------------


@pytest.mark.parametrize("message_id", [b"", b',"id":null'])
def test_a_tuple_without_an_id_is_never_acked(message_id: bytes) -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    cluster.children[1].todo.append(
        b'{"command":"emit","tuple":["x"],"need_task_ids":false' + message_id + b"}" + END
    )
    cluster.now += 1
    cluster.settle()
    cluster.ack_all(2)
    assert (cluster.children[1].acked, cluster.children[1].failed) == ([], [])
    assert cluster.leftovers() == []


def test_a_tuple_that_nobody_consumes_is_acked_at_once() -> None:
    cluster = started(topology(spout("s", 1)), [1])
    cluster.spout_emits(1, "x", message_id="m")
    assert cluster.children[1].acked == [b'"m"']
    assert cluster.leftovers() == []


def test_without_ackers_the_ack_comes_after_the_sync() -> None:
    plan = topology(spout("s", 1), bolt("a", 2, reads=["s"]), topology__acker__executors=0)
    cluster = started(plan, [1, 2])
    child = cluster.children[1]
    cluster.now += 1
    cluster.round(1)  # asked for a tuple
    assert bytes(child.stdin).endswith(b'{"command":"next","id":""}' + END)
    child.stdin.clear()
    receive(cluster, 1, emit("x", message_id="m", wants_task_ids=True))
    assert bytes(child.stdin) == b"[2]" + END
    child.stdin.clear()
    receive(cluster, 1, SYNC)
    assert bytes(child.stdin).startswith(b'{"command":"ack","id":"m"}' + END)
    cluster.children[2].step()
    cluster.settle()
    cluster.children[2].fail(next(iter(cluster.children[2].held)))
    cluster.settle()
    assert child.failed == []
    assert cluster.leftovers() == []


def test_a_spout_has_no_more_trees_open_than_allowed() -> None:
    plan = topology(spout("s", 1), bolt("a", 2, reads=["s"]), topology__max__spout__pending=3)
    cluster = started(plan, [1], [2])
    for number in range(5):
        cluster.spout_emits(1, number, message_id=number)
    assert cluster.children[2].values() == [[0], [1], [2]]
    assert cluster.managers[1].is_spout_blocked()
    cluster.children[2].ack(next(iter(cluster.children[2].held)))
    cluster.settle()
    assert cluster.children[2].values() == [[1], [2], [3]]


def test_tuples_without_an_id_are_not_counted_as_pending() -> None:
    plan = topology(spout("s", 1), bolt("a", 2, reads=["s"]), topology__max__spout__pending=1)
    cluster = started(plan, [1, 2])
    for number in range(5):
        cluster.spout_emits(1, number)
    assert len(cluster.children[2].held) == 5


def test_an_inactive_topology_asks_for_nothing_and_still_acks() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    cluster.spout_emits(1, "x", message_id=1)
    cluster.managers[1].is_active = False
    cluster.settle()
    cluster.spout_emits(1, "y", message_id=2)
    cluster.ack_all(2)
    commands = [message["command"] for message in cluster.children[1].messages]
    assert (commands[0], commands[-2:]) == ("activate", ["deactivate", "ack"])
    assert cluster.children[1].acked == [b"1"]
    cluster.activate()
    cluster.now += 1
    cluster.settle()
    assert cluster.children[2].values() == [["y"]]


def test_an_idle_spout_is_asked_again_after_its_pause() -> None:
    cluster = started(topology(spout("s", 1)), [1])
    manager = cluster.managers[1]
    assert manager.next_wake() == pytest.approx(cluster.now + 0.001)
    asked = len(cluster.children[1].messages)
    cluster.now += 0.0011
    cluster.settle()
    assert len(cluster.children[1].messages) == asked + 1


def test_a_spout_that_is_let_go_at_the_end_of_a_round_is_asked_without_delay() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1], [2])
    manager = cluster.managers[1]
    cluster.children[1].todo.append(emit("x"))
    cluster.now += 1
    cluster.round(1)
    cluster.children[1].step()
    manager.gates.hear(2, [(2, True)], cluster.now)
    cluster.read(1)  # it answers while it is held
    assert manager.next_wake() is None
    manager.gates.hear(2, [(2, False)], cluster.now)  # as measured by the writes that end a round
    manager.take_notices()
    assert manager.next_wake() == 0.0


def test_what_a_loss_at_the_end_of_a_round_leaves_to_do_is_done_without_delay() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1], [2])
    cluster.spout_emits(1, "x", message_id=1)
    manager = cluster.managers[1]
    manager.link_down(2, cluster.now)
    assert manager.next_wake() == 0.0
    assert manager.take_notices() == [notices.PauseReading(1)]
    assert manager.next_wake() == 0.0  # the spout is yet to hear that its tuple failed
    manager.pump(cluster.now)
    assert manager.next_wake() is None


# -- task ids -----------------------------------------------------------------------


def test_task_ids_come_in_the_order_of_emits_and_before_tuples() -> None:
    plan = topology(
        spout("s", 1),
        bolt(
            "a",
            2,
            reads=["s"],
            streams={"one": Stream(("v",)), "all": Stream(("v",)), "none": Stream(("v",))},
        ),
        bolt("b", 3, 4, reads=[by(ALL, "a", "all"), by(GLOBAL, "a", "one")]),
    )
    cluster = started(plan, [1, 2, 3], [4])
    manager = cluster.managers[1]
    child = cluster.children[2]
    receive(cluster, 1, emit("waits"))
    child.stdin.clear()
    manager.receive(1, emit("tuple"), cluster.now)  # queued, but not written yet
    asking = [emit("x", stream=stream, wants_task_ids=True) for stream in ("all", "none", "one", "all")]
    manager.receive(2, b"".join(asking), cluster.now)
    manager.receive(2, emit("x", stream="missing", wants_task_ids=True), cluster.now)
    cluster.round(1)
    texts = bytes(child.stdin).split(END)
    assert texts[:5] == [b"[3,4]", b"[]", b"[3]", b"[3,4]", b"[]"]
    assert json.loads(texts[5])["tuple"] == ["tuple"]


def test_an_emit_that_does_not_say_wants_the_task_ids() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    cluster.children[1].todo.append(b'{"command":"emit","tuple":["x"]}' + END)
    cluster.now += 1
    cluster.settle()
    assert cluster.children[1].task_ids == [[2]]


def flooded(limit: int = 100, count: int = 150) -> tuple[Cluster, Child]:
    """Return a bolt that has asked for task ids once, and then got ``count`` tuples."""
    plan = topology(spout("s", 1), bolt("a", 2, reads=["s"]), topology__shellbolt__max__pending=limit)
    cluster = started(plan, [1, 2])
    cluster.says(2, emit("x", wants_task_ids=True))
    receive(cluster, 1, b"".join(emit(number) for number in range(count)))
    cluster.settle()
    return cluster, cluster.children[2]


def test_a_component_that_blocks_on_task_ids_gets_so_many_unacked_tuples_and_no_more() -> None:
    cluster, child = flooded()
    assert notices.Asks(2, is_waiting=True) in cluster.notices
    assert child.values() == [[number] for number in range(100)]
    first, second, *_ = child.held
    child.ack(first)
    child.fail(second)
    cluster.settle()
    assert child.values() == [[number] for number in range(2, 102)]
    while child.held:
        cluster.ack_all(2)
    assert cluster.local(2).counters[0] == 300
    assert cluster.leftovers() == []


def test_one_that_never_asked_gets_all_at_once() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    receive(cluster, 1, b"".join(emit(number) for number in range(150)))
    cluster.settle()
    assert len(cluster.children[2].held) == 150


def test_a_batch_larger_than_the_limit_is_filled_after_a_while() -> None:
    cluster, child = flooded(limit=10, count=35)
    for size in (20, 30, 35):
        cluster.wait(1.0)
        assert len(child.held) == size


def test_one_that_has_not_read_what_it_has_gets_no_more() -> None:
    plan = topology(spout("s", 1), bolt("a", 2, reads=["s"]), topology__shellbolt__max__pending=10)
    cluster = started(plan, [1, 2], pipe_bytes=2000)
    cluster.says(2, emit("x", wants_task_ids=True))
    cluster.children[2].pipe_bytes = cluster.pipe_bytes = 100  # less than the ten that it may have
    receive(cluster, 1, b"".join(emit(number) for number in range(30)))
    cluster.now += 10
    cluster.managers[1].relieve(cluster.now)
    cluster.round(1)
    assert cluster.local(2).limit_bonus == 0


# -- direct streams -----------------------------------------------------------------


def direct_topology() -> object:
    return topology(
        spout("s", 1, streams={"d": Stream(("v",), is_direct=True), "default": Stream(("v",))}),
        bolt("a", 2, 3, reads=[by(DIRECT, "s", "d")]),
        bolt("b", 4, reads=[by(ALL, "s", "d"), "s"]),
        bolt("c", 5, reads=["s"]),
    )


def test_a_direct_emit_reaches_its_task_alone_and_is_not_answered() -> None:
    cluster = started(direct_topology(), [1, 2], [3, 4, 5])
    for task in (3, 2):
        cluster.spout_emits(1, task, stream="d", task=task, message_id=task, wants_task_ids=True)
    assert [cluster.children[task].values() for task in (2, 3, 4, 5)] == [[[2]], [[3]], [], []]
    assert cluster.children[1].task_ids == []
    cluster.ack_all(3)
    assert cluster.children[1].acked == [b"3"]
    assert cluster.errors() == []


def test_a_direct_emit_to_a_component_that_does_not_subscribe_is_passed_over() -> None:
    cluster = started(direct_topology(), [1, 2, 3, 4, 5])
    cluster.spout_emits(1, "x", stream="d", task=5, message_id="m")
    assert cluster.children[1].acked == [b'"m"']
    assert cluster.errors() == []


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (
            {"stream": "d"},
            "emitted to direct stream 'd' without naming a task (emit with task=...)",
        ),
        (
            {"stream": "d", "task": 4},
            "emitted directly to task 4 of b, which has no direct grouping on 'd'",
        ),
        (
            {"stream": "d", "task": 99},
            "emitted directly to task 99, which does not exist",
        ),
        (
            {"stream": "x"},
            "emitted to stream 'x', which s does not declare; declared: ['d', 'default']",
        ),
    ],
)
def test_a_tuple_that_cannot_be_routed_is_reported_and_fails(how: dict[str, object], error: str) -> None:
    cluster = started(direct_topology(), [1, 2, 3, 4, 5])
    cluster.spout_emits(1, "x", message_id="m", **how)
    assert cluster.errors() == [f"{error}. The tuple was dropped"]
    assert (cluster.children[1].acked, cluster.children[1].failed) == ([], [b'"m"'])
    assert [cluster.children[task].values() for task in (2, 3, 4, 5)] == [[], [], [], []]
    assert cluster.leftovers() == []


# -- what components do wrong -------------------------------------------------------


def test_a_dropped_tuple_fails_the_trees_it_was_anchored_to() -> None:
    plan = topology(
        spout("s", 1),
        bolt("a", 2, reads=["s"], streams={"default": Stream(("v", "key"))}),
        bolt("b", 3, 4, reads=[by(FIELDS, "a", "default", "key")]),
    )
    cluster = started(plan, [1], [2, 3, 4])
    cluster.spout_emits(1, "x", message_id="m")
    (first,) = cluster.children[2].held
    cluster.says(2, emit("too short", anchors=[first], wants_task_ids=True))
    cluster.ack_all(2)
    (error,) = cluster.errors()
    assert error.startswith(
        "emitted to stream 'default': a tuple has 1 values where 2 are declared: ['v', 'key']"
    )
    assert cluster.children[2].task_ids == [[]]
    assert (cluster.children[1].acked, cluster.children[1].failed) == ([], [b'"m"'])
    assert cluster.leftovers() == []


def test_an_ack_of_something_that_is_not_there_is_reported_and_passed_over() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    cluster.spout_emits(1, "x", message_id=1)
    cluster.says(2, ack(2), ack(2), b'{"command":"fail","id":"2"}' + END, ack(4444))
    assert cluster.children[1].acked == [b"1"]
    assert cluster.errors() == [
        "acked tuple 2 twice, or it never existed; passed over",
        "failed tuple 2 twice, or it never existed; passed over",
        "acked tuple 4444 twice, or it never existed; passed over",
    ]


def test_an_unknown_anchor_is_reported_and_the_others_hold() -> None:
    plan = topology(spout("s", 1), bolt("a", 2, reads=["s"]), bolt("b", 3, reads=["a"]))
    cluster = started(plan, [1, 2, 3])
    cluster.spout_emits(1, "x", message_id=1)
    (first,) = cluster.children[2].held
    cluster.says(2, emit("y", anchors=[778, first]), ack(first))
    assert [text[:24] for text in cluster.errors()] == ["anchored to tuple 778, w"]
    assert cluster.children[1].acked == []
    cluster.ack_all(3)
    assert cluster.children[1].acked == [b"1"]


def test_output_without_an_end_breaks_the_conversation() -> None:
    cluster = started(topology(spout("s", 1)), [1])
    for _ in range(66):
        cluster.managers[1].receive(1, b"x" * (1 << 20), cluster.now)
    (notice, *_) = cluster.managers[1].take_notices()
    assert isinstance(notice, notices.Broken)
    assert notice.task == 1
    cluster.kill_child(1)
    cluster.start_child(1)
    cluster.settle()
    assert cluster.children[1].messages[0]["command"] == "activate"


def test_what_components_say_beside_tuples_is_passed_on() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    cluster.notices.clear()
    cluster.says(
        2,
        b'{"command":"log","msg":"hello","level":3}' + END,
        b'{"command":"error","msg":"oh"}' + END,
        b'{"command":"metrics","name":"m","params":{"a": 1}}' + END,
        b"print!" + END,
        SYNC,
    )
    assert cluster.notices == [
        notices.Said(2, 3, "hello"),
        notices.Erred(2, "oh"),
        notices.Measured(2, "m", b'{"a": 1}'),
        notices.Said(2, 2, "(stdout) print!"),
    ]


STRICT = {"heronry.multilang.strict": True}


def broken_by(*said: bytes, fields: tuple[str, ...] = ("v",)) -> list[notices.Notice]:
    """Return what a strict bolt's words lead to; it has one tuple, of delivery 2, and a consumer."""
    plan = topology(
        spout("s", 1),
        replace(bolt("a", 2, reads=["s"], streams={"default": Stream(fields)}), conf=STRICT),
        bolt("b", 3, reads=["a"]),
    )
    cluster = started(plan, [1, 2, 3])
    cluster.spout_emits(1, "x", message_id=1)
    cluster.notices.clear()
    cluster.says(2, *said)
    return [notice for notice in cluster.notices if not isinstance(notice, notices.Said)]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ([ack(2), ack(2)], "acked tuple 2 twice"),
        ([b'{"command":"fail","id":"4444"}' + END], "failed tuple 4444 twice"),
        ([emit("y", anchors=[778])], "anchored to tuple 778"),
        ([emit("y", stream="none")], "emitted to stream 'none', which a does not declare"),
        ([b"print!" + END], "wrote to its standard output what is no message: print!"),
        ([b'{"command":"dance"}' + END], 'unknown command "dance"'),
        ([b'{"command":"emit","tuple":[1,2],"need_task_ids":false}' + END], "a tuple has 2 values where 1"),
        ([b'{"command":"emit","tuple":[],"need_task_ids":0}' + END], "a tuple has 0 values where 1"),
    ],
)
def test_a_strict_component_is_ended_for_what_others_are_forgiven(said: list[bytes], text: str) -> None:
    (notice,) = broken_by(*said)
    assert isinstance(notice, notices.Broken)
    assert notice.task == 2
    assert notice.reason.partition(": ")[2].startswith(text) or notice.reason.startswith(text)
    assert "heronry.multilang.strict" in notice.reason


def test_a_strict_component_that_keeps_the_rules_is_left_alone() -> None:
    heartbeat = ack(3)  # one of the system's deliveries
    assert broken_by(SYNC, heartbeat, emit("y", anchors=[2]), ack(2)) == []
    assert broken_by(emit("y", "z", anchors=[2]), ack(2), fields=("v", "w")) == []


# -- ticks and heartbeats -----------------------------------------------------------


def test_a_tick_waits_behind_tuples_and_a_heartbeat_overtakes_them() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    manager = cluster.managers[1]
    manager.receive(1, emit("x"), cluster.now)
    manager.tick(2, 5)
    manager.heartbeat(2)
    cluster.round(1)
    texts = bytes(cluster.children[2].stdin).split(END)
    assert texts == [
        b'{"id":"5","comp":null,"stream":"__heartbeat","task":-1,"tuple":[]}',
        b'{"comp":"s","stream":"default","task":1,"id":"2","tuple":["x"]}',
        b'{"comp":"__system","stream":"__tick","task":-1,"id":"3","tuple":[5]}',
        b"",
    ]
    cluster.settle()
    cluster.ack_all(2)
    cluster.says(2, ack(5))  # some libraries ack heartbeats
    assert cluster.errors() == []
    assert cluster.leftovers() == []


def test_ticks_that_are_never_acked_leave_nothing_behind_and_may_be_anchored_to() -> None:
    cluster = started(
        topology(spout("s", 1), bolt("a", 2, reads=["s"]), bolt("b", 3, reads=["a"])), [1, 2, 3]
    )
    cluster.spout_emits(1, "x", message_id=1)
    (delivery,) = cluster.children[2].held
    for _ in range(100):
        cluster.managers[1].tick(2, 1)
    cluster.settle()
    cluster.says(2, emit("y", anchors=[3]), emit("z", anchors=[3, delivery]), ack(delivery))
    assert cluster.children[3].values() == [["y"], ["z"]]
    cluster.ack_all(3)
    assert cluster.children[1].acked == [b"1"]
    assert cluster.errors() == []
    assert cluster.leftovers() == []


def test_the_handshake_comes_before_tuples_that_were_there_first() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    cluster.kill_child(2)
    receive(cluster, 1, emit("x"))
    cluster.managers[1].heartbeat(2)
    child = cluster.start_child(2)
    cluster.round(1)
    assert b'"conf"' in bytes(child.stdin).split(END)[-2]
    cluster.managers[1].receive(2, b'{"pid": 4711}' + END, cluster.now)
    cluster.round(1)
    assert json.loads(bytes(child.stdin).split(END)[-2])["tuple"] == ["x"]


def test_a_component_that_dies_while_its_answer_to_the_handshake_is_heard_has_not_opened() -> None:
    cluster = Cluster(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    manager = cluster.managers[1]
    for task in (1, 2):
        manager.open(task, {}, "", {})
        manager.receive(task, b'{"pid": 4711}' + END, cluster.now)
    manager.lose(2, cluster.now)
    assert manager.take_notices() == [notices.Opened(1, 4711)]


# -- peers --------------------------------------------------------------------------


def frame(rows: list[object], reports: list[object] = [], congestions: list[object] = []) -> bytes:  # noqa: B006 - never changed
    return msgspec.msgpack.encode([rows, reports, congestions, 0, 1])


def test_a_row_for_nobody_fails_its_tree_wherever_that_is() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1], [2])
    cluster.spout_emits(1, "x", message_id=1)
    (root,) = cluster.managers[1].acks.roots.values()
    stray = frame([[99, 1, 0, b"[]", [1, root.key, 5]]])
    cluster.managers[2].receive_frame(1, stray, cluster.now)
    cluster.settle()
    assert cluster.children[1].failed == [b"1"]
    cluster.spout_emits(1, "y", message_id=2)
    (root,) = cluster.managers[1].acks.roots.values()
    cluster.managers[1].receive_frame(2, frame([[1, 2, 77, b"[]", [1, root.key, 5]]]), cluster.now)
    cluster.settle()
    assert cluster.children[1].failed == [b"1", b"2"]


@pytest.mark.parametrize("trail", [[1], [1, 2], [1, 2, 3, 4]])
def test_a_row_with_half_a_trail_is_a_peers_error(trail: list[int]) -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1], [2])
    with pytest.raises(PeerError, match="trail"):
        cluster.managers[2].receive_frame(1, frame([[2, 1, 1, b"[]", trail]]), cluster.now)


def test_a_congestion_of_an_unknown_task_is_passed_over() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1], [2])
    cluster.managers[1].receive_frame(2, frame([], [], [[99, True], [2, True]]), cluster.now)
    assert cluster.managers[1].gates.flow.congested == {2}


def test_any_bytes_for_a_frame_raise_nothing_but_a_peer_error() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1], [2])
    rng = random.Random(7)
    good = frame([[2, 1, 1, b"[1]", [1, 1 << 40, 5]]], [[1, 2, 4, True]], [[2, True]])
    for _ in range(500):
        body = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        try:
            cluster.managers[2].receive_frame(1, bytes(body), cluster.now)
        except PeerError:
            pass


def test_emits_are_shown_while_asked_for_and_routed_all_the_same() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    cluster.notices.clear()
    cluster.spout_emits(1, "x")
    cluster.managers[1].show_emits("s", 100.0)
    cluster.spout_emits(1, "y")
    cluster.managers[1].show_emits("s", 0.0)
    cluster.spout_emits(1, "z")
    shown = [notice for notice in cluster.notices if isinstance(notice, notices.Emitted)]
    assert shown == [notices.Emitted(1, "default", 0, b'["y"]')]
    assert cluster.children[2].values() == [["x"], ["y"], ["z"]]


def test_some_emits_are_shown_when_some_are_asked_for() -> None:
    cluster = started(topology(spout("s", 1), bolt("a", 2, reads=["s"])), [1, 2])
    cluster.managers[1].show_emits("s", 50.0)
    for number in range(200):
        cluster.spout_emits(1, number)
    assert 60 < sum(isinstance(notice, notices.Emitted) for notice in cluster.notices) < 140
