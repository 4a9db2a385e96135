"""Bolts of every library, driven in this process."""

import pytest

from multilang.testing import ComponentEnded, Emit, LogLine, Metric, Outcome, TestingError


def splitter(library):
    class Split(library.Bolt):
        outputs = ["word"]

        def initialize(self, conf, context):
            self.ticks = 0
            self.logger.info("begins in %s", self.topology_name)

        def process(self, tup):
            for word in tup.values.sentence.split():
                self.emit([word])
            self.logger.warning("done")
            self.report_metric("words", {"a": 1})

        def process_tick(self, tup):
            self.ticks += 1

    return Split


def test_what_a_tuple_brings_is_told_by_kind(library, component):
    split = component(splitter(library), inputs=["sentence"])

    assert split.send(["the cow"]) == Outcome(
        emits=[Emit(["the"], anchors=[["the cow"]]), Emit(["cow"], anchors=[["the cow"]])],
        received=[["the cow"]],
        acked=[["the cow"]],
        logs=[LogLine("done", "warn")],
        metrics=[Metric("words", {"a": 1})],
    )


def test_everything_since_the_start_is_kept(library, component):
    split = component(splitter(library), inputs=["sentence"], conf={"topology.name": "lake"})
    split.send({"sentence": "a"}, ["b"])
    assert split.outcome.emitted == [["a"], ["b"]]
    assert split.outcome.logs[0] == LogLine("begins in lake", "info")


def test_ticks_and_heartbeats_are_no_tuples(library, component):
    split = component(splitter(library), inputs=["sentence"])
    assert split.tick(3) == Outcome()
    assert split.instance.ticks == 3
    assert split.heartbeat()


def test_an_exception_fails_the_tuple_is_reported_and_is_the_tests(library, component):
    split = component(splitter(library), inputs=["sentence"])
    with pytest.raises(AttributeError):
        split.send([5])
    assert split.outcome.failed == [[5]]
    assert "AttributeError" in split.outcome.errors[0]
    assert "process" in split.outcome.errors[0]
    with pytest.raises(ComponentEnded, match="it raised AttributeError"):
        split.send(["more"])


def test_exceptions_can_be_looked_at_instead(library, component):
    class Careless(library.Bolt):
        exit_on_exception = False

        def process(self, tup):
            if tup.values[0] == "bad":
                raise ValueError(tup.values[0])

    careless = component(Careless, raises=False)
    outcome = careless.send(["good"], ["bad"], ["better"])
    assert (outcome.acked, outcome.failed) == ([["good"], ["better"]], [["bad"]])
    assert len(outcome.errors) == 1
    assert careless.ended == ""


def test_emits_that_ask_are_told_task_ids(library, component):
    class Asking(library.Bolt):
        def process(self, tup):
            self.told = self.emit(["a"], need_task_ids=True), self.emit(["b"], need_task_ids=True)

    asking = component(Asking, task_ids=[4, 5])
    asking.send(["x"])
    assert asking.instance.told == ([4, 5], [4, 5])


def test_streams_anchors_and_direct_tasks_are_seen(library, component):
    class Picky(library.Bolt):
        auto_ack = auto_anchor = False

        def process(self, tup):
            self.emit([1], stream="left", direct_task=9)
            self.emit([2], anchors=[tup])
            self.fail(tup)

    picky = component(Picky, inputs={"a": {"s": ["x"]}, "b": ["y"]})
    outcome = picky.send(["v"], source="b")
    assert outcome.emits == [Emit([1], "left", direct_task=9), Emit([2], anchors=[["v"]])]
    assert (outcome.on("left"), outcome.acked, outcome.failed) == ([[1]], [], [["v"]])


def test_batches_are_made_at_ticks(library, component):
    class Batches(library.BatchingBolt):
        def group_key(self, tup):
            return tup.values[0]

        def process_batch(self, key, tups):
            self.emit([key, len(tups)])

    batches = component(Batches)
    assert batches.send(["a"], ["b"], ["a"]).acked == []
    assert batches.tick().emitted == []
    outcome = batches.tick()
    assert outcome.emits[0] == Emit(["a", 2], anchors=[["a"], ["a"]])
    assert outcome.acked == [["a"], ["a"], ["b"]]


def test_a_bolt_that_needs_no_ticks_makes_its_batch_when_told(library, component):
    class Batches(library.TicklessBatchingBolt):
        secs_between_batches = 0.01

        def process_batch(self, key, tups):
            self.emit([sum(tup.values[0] for tup in tups)])

    batches = component(Batches)
    batches.send([1], [2])
    assert batches.batch().emitted == [[3]]
    assert batches.batch() == Outcome()
    batches.send(["x"])
    with pytest.raises(TypeError):
        batches.batch()
    assert batches.outcome.failed == [["x"]]


def test_what_does_not_fit_what_is_declared_is_an_error(library, component):
    class Wrong(library.Bolt):
        outputs = ["word"]

        def process(self, tup):
            self.emit([1, 2])
            self.emit([1], stream="other")

    assert component(Wrong).send(["x"]).errors == [
        "emitted 2 values on stream 'default', which declares word: [1, 2]",
        "emitted on stream 'other', which is not declared; declared: default",
    ]


def test_acks_of_what_it_does_not_have_are_errors(library, component):
    class Twice(library.Bolt):
        def process(self, tup):
            self.ack(tup)

    assert component(Twice).send(["x"]).errors == ["acked tuple 1, which it does not have (any more)"]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ("abc", "a tuple is a list of values"),
        (["a", "b"], "declares sentence"),
        ({"word": 1}, "declares sentence"),
        ([{1, 2}], "values of JSON"),
    ],
)
def test_tuples_that_no_host_would_send_are_refused(library, component, values, text):
    split = component(splitter(library), inputs=["sentence"])
    with pytest.raises(TestingError, match=text):
        split.send(values)


def test_only_a_bolt_without_ticks_has_batches_of_its_own(library, component):
    with pytest.raises(TestingError, match="send it ticks"):
        component(splitter(library)).batch()
