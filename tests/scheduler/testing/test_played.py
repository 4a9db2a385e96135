"""Topologies in one process: groupings, acks, timeouts, ticks and replays, in virtual time."""

import pytest

from multilang.client import BatchingBolt, Bolt, Spout, TicklessBatchingBolt
from multilang.testing import TestingError


class Numbers(Spout):
    """Emits as many as the conf says, each again if it fails."""

    outputs = ["n"]

    def initialize(self, storm_conf, context):
        self.todo = list(range(storm_conf["count"]))[::-1]

    def next_tuple(self):
        if self.todo:
            n = self.todo.pop()
            self.emit([n], tup_id=n)

    def fail(self, tup_id):
        self.todo.append(tup_id)


class Endless(Spout):
    outputs = ["n"]

    def next_tuple(self):
        self.emit([1])


class Keeps(Bolt):
    def initialize(self, storm_conf, context):
        self.seen = []

    def process(self, tup):
        self.seen.append(tup.values[0])


class Doubles(Bolt):
    outputs = ["n"]

    def process(self, tup):
        self.emit([tup.values.n])
        self.emit([tup.values.n])


def numbers_to(topology, grouping, *, count=8, tasks=4, workers=1, **options):
    parts = {
        "numbers": topology.spout(Numbers),
        "keeps": topology.bolt(Keeps, {"numbers": grouping}, par=tasks),
    }
    played = topology(parts, conf={"count": count, "topology.workers": workers}, **options)
    played.drain()
    return [task.instance.seen for task in played.tasks("keeps")]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("grouping", ["shuffle", "none", "local_or_shuffle"])
def test_shuffles_are_even(topology, grouping, workers):
    seen = numbers_to(topology, grouping, workers=workers)
    assert sorted(n for each in seen for n in each) == list(range(8))
    if grouping != "local_or_shuffle":
        assert [len(each) for each in seen] == [2, 2, 2, 2]


def test_all_and_global(topology):
    assert numbers_to(topology, "all", count=2, workers=2) == [[0, 1]] * 4
    assert numbers_to(topology, "global", count=2) == [[0, 1], [], [], []]


def test_fields_go_where_java_would_send_them(topology):
    # Java: Arrays.deepHashCode of one Long n is 31 + n, modulo 4.
    assert numbers_to(topology, ["n"]) == [[1, 5], [2, 6], [3, 7], [0, 4]]


def test_the_same_seed_gives_the_same_order(topology):
    once = numbers_to(topology, "shuffle", count=50)
    assert numbers_to(topology, "shuffle", count=50) == once


def test_direct_emits_reach_the_task_they_name(topology):
    class Chooses(Bolt):
        def initialize(self, storm_conf, context):
            self.tasks = [int(t) for t, c in context["task->component"].items() if c == "keeps"]

        def process(self, tup):
            self.emit([tup.values.n], stream="to", direct_task=self.tasks[tup.values.n % 2])

    parts = {
        "numbers": topology.spout(Numbers),
        "chooses": topology.bolt(Chooses, {"numbers": "shuffle"}, {"to": ["n"]}, direct=["to"]),
        "keeps": topology.bolt(Keeps, {"chooses:to": "direct"}, par=2),
    }
    played = topology(parts, conf={"count": 4})
    played.drain()
    assert [task.instance.seen for task in played.tasks("keeps")] == [[0, 2], [1, 3]]


def test_a_tuple_is_acked_when_all_that_came_of_it_is(topology):
    parts = {
        "numbers": topology.spout(Numbers),
        "doubles": topology.bolt(Doubles, {"numbers": "shuffle"}),
        "keeps": topology.bolt(Keeps, {"doubles": ["n"]}, par=2),
    }
    played = topology(parts, conf={"count": 3})
    played.drain()
    assert played["numbers"].acked == [0, 1, 2]
    assert sorted(played["keeps"].acked) == [[0], [0], [1], [1], [2], [2]]


def test_a_tuple_that_nobody_acks_fails_after_the_timeout_and_comes_again(topology):
    class Forgets(Bolt):
        auto_ack = False

        def process(self, tup):
            if len(self.topology_name) and tup.id and getattr(self, "is_second", False):
                self.ack(tup)
            self.is_second = True

    parts = {"numbers": topology.spout(Numbers), "forgets": topology.bolt(Forgets, {"numbers": "shuffle"})}
    played = topology(parts, conf={"count": 1, "topology.message.timeout.secs": 5})
    played.run(4.9)
    assert played["numbers"].failed == []
    played.drain()
    assert (played["numbers"].failed, played["numbers"].acked) == ([0], [0])
    assert 5 <= played.time_s <= 6.1


def test_an_exception_is_the_tests(topology):
    class Breaks(Bolt):
        def process(self, tup):
            raise ZeroDivisionError(tup.values.n)

    parts = {"numbers": topology.spout(Numbers), "breaks": topology.bolt(Breaks, {"numbers": "shuffle"})}
    with pytest.raises(ZeroDivisionError):
        topology(parts, conf={"count": 1}).drain()


def test_or_the_component_is_started_anew_and_the_tuple_comes_again(topology):
    broken = []

    class Breaks(Bolt):
        def process(self, tup):
            if not broken:
                broken.append(tup.values.n)
                raise ZeroDivisionError("once")

    parts = {"numbers": topology.spout(Numbers), "breaks": topology.bolt(Breaks, {"numbers": "shuffle"})}
    played = topology(parts, conf={"count": 3}, raises=False)
    played.drain()
    assert broken == [0]
    assert sorted(played["numbers"].acked) == [0, 1, 2]
    assert played["numbers"].failed == [0]
    assert len(played["breaks"].errors) == 1
    assert "ZeroDivisionError: once" in played["breaks"].errors[0]


def test_batches_are_made_at_ticks_of_virtual_time(topology):
    class Sums(BatchingBolt):
        outputs = ["sum"]

        def process_batch(self, key, tups):
            self.emit([sum(tup.values.n for tup in tups)])

    conf = {"topology.tick.tuple.freq.secs": 30}
    parts = {
        "numbers": topology.spout(Numbers),
        "sums": topology.bolt(Sums, {"numbers": "shuffle"}, conf=conf),
        "keeps": topology.bolt(Keeps, {"sums": "shuffle"}),
    }
    played = topology(parts, conf={"count": 5, "topology.message.timeout.secs": 300})
    played.run(59)
    assert played["keeps"].received == []
    played.run(1)
    assert played["keeps"].received == [[10]]
    assert played["numbers"].acked == [0, 1, 2, 3, 4]


def test_bolts_that_gather_by_the_clock_do_so_by_this_one(topology):
    class Sums(TicklessBatchingBolt):
        secs_between_batches = 20

        def process_batch(self, key, tups):
            self.logger.info("%s", len(tups))

    parts = {"numbers": topology.spout(Numbers), "sums": topology.bolt(Sums, {"numbers": "shuffle"})}
    played = topology(parts, conf={"count": 5})
    played.drain()
    assert played.time_s == pytest.approx(20)
    assert [line.text for line in played["sums"].logs] == ["5"]


@pytest.mark.parametrize("workers", [1, 2])
def test_emits_that_ask_are_told_where_they_went(topology, workers):
    told = []

    class Asks(Bolt):
        outputs = ["n"]

        def process(self, tup):
            told.extend(self.emit([tup.values.n], need_task_ids=True))

    parts = {
        "numbers": topology.spout(Numbers),
        "asks": topology.bolt(Asks, {"numbers": "shuffle"}),
        "keeps": topology.bolt(Keeps, {"asks": "shuffle"}, par=2),
    }
    played = topology(parts, conf={"count": 400, "topology.workers": workers})
    played.drain()
    assert len(told) == 400
    assert sorted(set(told)) == [task.task for task in played.tasks("keeps")]


def test_max_spout_pending_holds_a_spout_back(topology):
    class Waits(Bolt):
        auto_ack = False

        def process(self, tup):
            pass

    parts = {"numbers": topology.spout(Numbers), "waits": topology.bolt(Waits, {"numbers": "shuffle"})}
    played = topology(parts, conf={"count": 50, "topology.max.spout.pending": 7})
    played.run(5)
    assert len(played["numbers"].emits) == 7


def test_an_endless_spout_is_asked_each_millisecond(topology):
    parts = {"endless": topology.spout(Endless), "keeps": topology.bolt(Keeps, {"endless": "shuffle"})}
    played = topology(parts)
    played.run(0.5)
    assert 495 <= len(played["endless"].emits) <= 502
    with pytest.raises(TestingError, match=r"endless \(task \d\) still has tuples to emit"):
        played.drain(within_s=0.2)


def test_a_loop_of_bolts_is_found_out(topology):
    class Again(Bolt):
        outputs = ["n"]

        def process(self, tup):
            self.emit([tup.values.n])

    parts = {
        "numbers": topology.spout(Numbers),
        "again": topology.bolt(Again, {"numbers": "shuffle", "again": "shuffle"}),
    }
    with pytest.raises(TestingError, match="feed each other for ever"):
        topology(parts, conf={"count": 1}).drain()


def test_what_the_engine_complains_about_is_an_error_of_the_component(topology):
    class Strays(Bolt):
        outputs = ["n"]

        def process(self, tup):
            self.emit([1], stream="nowhere")

    parts = {"numbers": topology.spout(Numbers), "strays": topology.bolt(Strays, {"numbers": "shuffle"})}
    played = topology(parts, conf={"count": 1})
    played.run(0.01)
    assert any("nowhere" in text for text in played["strays"].errors)
    assert played["numbers"].failed[0] == 0


def test_an_unknown_component_is_met_with_those_there_are(topology):
    parts = {"endless": topology.spout(Endless), "keeps": topology.bolt(Keeps, {"endless": "shuffle"})}
    with pytest.raises(TestingError, match="'keep'; there are: endless, keeps"):
        topology(parts)["keep"]
