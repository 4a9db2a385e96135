"""Spouts of every library, driven in this process."""

from multilang.testing import Emit


def test_a_spout_is_asked_and_told(library, component):
    class Numbers(library.Spout):
        outputs = ["n"]

        def initialize(self, conf, context):
            self.n, self.told = conf["first"], []

        def next_tuple(self):
            self.emit([self.n], tup_id={"n": self.n})
            self.n += 1

        def ack(self, tup_id):
            self.told.append(("ack", tup_id))

        def fail(self, tup_id):
            self.told.append(("fail", tup_id))

        def activate(self):
            self.told.append("on")

        def deactivate(self):
            self.told.append("off")

    numbers = component(Numbers, conf={"first": 3})
    assert numbers.next(2).emits == [Emit([3], message_id={"n": 3}), Emit([4], message_id={"n": 4})]
    assert numbers.ack({"n": 3}).acked == [{"n": 3}]
    assert numbers.fail({"n": 4}).failed == [{"n": 4}]
    numbers.deactivate()
    numbers.activate()
    assert numbers.instance.told == [("ack", {"n": 3}), ("fail", {"n": 4}), "off", "on"]


def test_a_reliable_spout_replays(library, component):
    class Once(library.ReliableSpout):
        def next_tuple(self):
            self.emit(["x"], tup_id="a")

    once = component(Once)
    once.next()
    assert once.fail("a").emitted == [["x"]]
    assert once.ack("a").errors == []
    assert once.instance.unacked_tuples == {}
