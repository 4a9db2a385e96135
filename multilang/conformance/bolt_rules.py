"""What bolts must do: answer each tuple once, heartbeats between them, and wait for task ids in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from multilang.conformance.host import Broken, is_aside, short
from multilang.conformance.rule import BOLT, HEARTBEAT, TICK, Rule, Scene, Skipped, rule
from multilang.conformance.talk import serve, wants_task_ids


@rule("answers-once", BOLT, why="a tuple neither acked nor failed is sent again after the timeout")
def answers_each_tuple_once(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        for tup_id in ("1", "-6955786537413359385", "9223372036854775807"):
            host.say(scene.tuple(tup_id))
            serve(host, [tup_id])
        host.quiet(0.2)


@rule("burst", BOLT, why="hosts write many tuples at once")
def answers_a_burst(scene: Scene) -> None:
    tup_ids = [str(number) for number in range(2000)]
    with scene.start() as host:
        host.greet()
        host.say(*(scene.tuple(tup_id) for tup_id in tup_ids))
        serve(host, tup_ids)
        host.quiet(0.2)


@rule("heartbeat", BOLT, why="a bolt that does not answer is ended as hung")
def answers_heartbeats(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        for _ in range(3):
            host.say(HEARTBEAT)
            answer = host.answer()
            if answer.get("command") != "sync":
                raise Broken(f"a heartbeat is answered by sync, not by {short(answer)}")
        host.quiet(0.2)


@rule("heartbeat-busy", BOLT, why="a busy bolt must not look hung")
def answers_heartbeats_among_tuples(scene: Scene) -> None:
    tup_ids = [str(number) for number in range(100)]
    with scene.start() as host:
        host.greet()
        host.say(*(scene.tuple(tup_id) for tup_id in tup_ids[:50]), HEARTBEAT)
        host.say(*(scene.tuple(tup_id) for tup_id in tup_ids[50:]))
        left, syncs = set(tup_ids), 0
        while left or not syncs:
            message = host.until(lambda message: not is_aside(message), "acks of 100 tuples and one sync")
            if message.get("command") == "sync":
                syncs += 1
            elif message.get("command") in ("ack", "fail"):
                if message.get("id") == HEARTBEAT["id"]:
                    raise Broken("it acked or failed a heartbeat, which Storm dies of")
                left.discard(message.get("id"))
            elif wants_task_ids(message):
                host.say([7])


@rule("tick", BOLT, why="ticks come from the host, not from a component")
def takes_ticks(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        host.say(TICK, scene.tuple("1"), TICK, scene.tuple("2"))
        left = {"1", "2"}
        while left:
            message = host.until(lambda message: not is_aside(message), "acks of two tuples among ticks")
            if message.get("command") in ("ack", "fail"):
                left.discard(message.get("id"))
            elif message.get("command") == "emit" and wants_task_ids(message):
                host.say([7])


@rule("errors", BOLT, why="a tuple that went wrong is sent again only if the host hears of it")
def tells_of_errors(scene: Scene) -> None:
    if scene.subject.bad_values is None:
        raise Skipped("say --bad-values with a tuple that the bolt cannot handle")
    with scene.start() as host:
        host.greet()
        host.say(scene.tuple("1"))
        serve(host, ["1"])
        host.say({**scene.tuple("2"), "tuple": list(scene.subject.bad_values)})
        while (message := host.answer_or_end("a fail, or the end of the process")) is not None:
            if (command := message.get("command")) == "ack":
                raise Broken("it acked the tuple that it cannot handle")
            if command == "emit" and wants_task_ids(message):
                host.say([7])
            elif command == "fail":
                break
        if message is not None and not host.is_ending():
            host.say(scene.tuple("3"))  # it goes on
            serve(host, ["3"])
        elif message is None and not host.has_said_why():
            raise Broken("it ended without a fail, an error, or a word on stderr")


@rule("task-ids-late", BOLT, why="the answer to an emit may take its time")
def waits_for_late_task_ids(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        host.say(scene.tuple("1"), scene.tuple("2"))
        emits = serve(host, ["1", "2"], answer_late_s=0.1)
        if not any(map(wants_task_ids, emits)):
            raise Skipped("it emitted nothing, or asked for no task ids")


@rule("task-ids-behind", BOLT, why="tuples that were on their way stand before the answer to an emit")
def keeps_tuples_that_come_before_task_ids(scene: Scene) -> None:
    tup_ids = [str(number) for number in range(50)]
    with scene.start() as host:
        host.greet()
        host.say(*(scene.tuple(tup_id) for tup_id in tup_ids))
        host.pass_time(0.1)
        emits = serve(host, tup_ids)
        if not any(map(wants_task_ids, emits)):
            raise Skipped("it emitted nothing, or asked for no task ids")


@rule(
    "task-ids-ahead",
    BOLT,
    is_advice=True,
    why="a host that may answer early saves each emit a wait",
)
def keeps_task_ids_that_come_before_it_asks(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        host.say(scene.tuple("1"))
        first = serve(host, ["1"])
        asks = sum(map(wants_task_ids, first))
        if not asks:
            raise Skipped("it emitted nothing, or asked for no task ids")
        host.say(*[[7]] * asks, scene.tuple("2"))
        left = True
        while left:
            message = host.until(lambda message: not is_aside(message), "the ack of a tuple")
            left = message.get("command") not in ("ack", "fail")


@rule("task-ids-none", BOLT, why="a stream may have no consumer")
def takes_empty_task_ids(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        host.say(scene.tuple("1"))
        asked = False
        while True:
            message = host.until(lambda message: not is_aside(message), "the ack of a tuple")
            if message.get("command") in ("ack", "fail"):
                break
            if message.get("command") == "emit" and wants_task_ids(message):
                asked = True
                host.say([])
        if not asked:
            raise Skipped("it emitted nothing, or asked for no task ids")


@rule("large-tuple", BOLT, why="tuples of a megabyte do exist")
def takes_a_large_tuple(scene: Scene) -> None:
    large = [value * 40_000 if isinstance(value, str) else value for value in scene.subject.values]
    with scene.start() as host:
        host.greet()
        host.say(scene.tuple("1", *large))
        serve(host, ["1"])


_TEXTS: Final = [
    "",
    " ",
    "ä ß 漢字",
    "\U0001f426 \U0010ffff",
    "\u2028\u2029\u0085\ufeff",
    'quote " backslash \\ slash / tab \t',
    "line\nend\nline",
    "\r\n\r",
    "end",
    "</script>&amp;%s{}",
]
_NUMBERS: Final = [0, -1, 2**31, -(2**31) - 1, 2**53 - 1, -(2**53) + 1, 0.1, -1.5, 1e300, 5e-324]
_LARGE: Final = [2**53 + 1, 2**63 - 1, -(2**63), 2**64, 10**30]
_NESTED: Final[list[Any]] = [
    None,
    True,
    False,
    [],
    {},
    [[[]]],
    {"a": {"b": [1, {"c": None}]}},
    {"": ""},
    [1, "1", None],
]
_CONTROLS: Final = ["\x00", "a\x00b", "\x01\x1f\x7f"]
_SURROGATES: Final = ["\ud800", "a\udfffb"]


def _echoes(*values: Any) -> Callable[[Scene], None]:
    """Return a rule: a bolt that emits what it gets must emit just these values, one a tuple."""

    def play(scene: Scene) -> None:
        if not scene.subject.is_echo:
            raise Skipped("only a bolt that emits each tuple's values unchanged shows it: say --echo")
        with scene.start() as host:
            host.greet()
            for number, value in enumerate(values):
                host.say(scene.tuple(str(number), value))
                emits = serve(host, [str(number)])
                if len(emits) != 1:
                    raise Broken(f"an echo emits once for {short([value])}, not {len(emits)} times")
                came = emits[0]["tuple"]
                if came != [value] or type(came[0]) is not type(value):
                    raise Broken(f"{short([value])} came back as {short(came)}")

    return play


@rule("tuple-length", BOLT, why="a tuple may have any number of values")
def passes_any_number_of_values(scene: Scene) -> None:
    if not scene.subject.is_echo:
        raise Skipped("only a bolt that emits each tuple's values unchanged shows it: say --echo")
    with scene.start() as host:
        host.greet()
        host.say({**scene.tuple("1"), "tuple": []}, {**scene.tuple("2"), "tuple": ["a", 1, None]})
        emits = serve(host, ["1", "2"])
        if [emit["tuple"] for emit in emits] != [[], ["a", 1, None]]:
            raise Broken(f"no value, and three values, came back as {short([e['tuple'] for e in emits])}")


@rule("anchors", BOLT, is_advice=True, why="an emit without an anchor is not replayed when it is lost")
def anchors_and_acks(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        host.say(scene.tuple("1"))
        emits = serve(host, ["1"])
        if not emits:
            raise Skipped("it emitted nothing")
        if not all(emit.get("anchors") for emit in emits):
            raise Broken(f"an emit that is not anchored to its input is lost with it: {short(emits[0])}")


passes_text = rule("text", BOLT, why="text must pass unchanged")(_echoes(*_TEXTS))


passes_control_characters = rule("control-characters", BOLT, why="it may hold any character")(
    _echoes(*_CONTROLS)
)


passes_surrogates = rule("surrogates", BOLT, is_advice=True, why="Python's file names may have some")(
    _echoes(*_SURROGATES)
)


passes_numbers = rule("numbers", BOLT, why="numbers must pass unchanged")(_echoes(*_NUMBERS))


passes_large_integers = rule("large-integers", BOLT, is_advice=True, why="ids may be so large")(
    _echoes(*_LARGE)
)


passes_nested = rule("nested", BOLT, why="lists and maps must pass unchanged")(_echoes(*_NESTED))


RULES: Final[Sequence[Rule]] = (
    answers_each_tuple_once,
    answers_a_burst,
    answers_heartbeats,
    answers_heartbeats_among_tuples,
    takes_ticks,
    tells_of_errors,
    anchors_and_acks,
    waits_for_late_task_ids,
    keeps_tuples_that_come_before_task_ids,
    takes_empty_task_ids,
    keeps_task_ids_that_come_before_it_asks,
    takes_a_large_tuple,
    passes_text,
    passes_control_characters,
    passes_surrogates,
    passes_numbers,
    passes_large_integers,
    passes_nested,
    passes_any_number_of_values,
)
