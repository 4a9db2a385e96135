"""What the topology process decides: event in, whole command list out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.control.backoff import DELAYS_S
from scheduler.control.messages import (
    Answer,
    Ask,
    ContainerState,
    ErrorReport,
    Halt,
    Hello,
    Nudge,
    PlanChanged,
    Register,
    Replan,
    Report,
    RestartContainer,
    SetActive,
    SettingsChanged,
    TaskReport,
)
from scheduler.master.events import (
    Command,
    End,
    EndWanted,
    Event,
    ForgetProcess,
    LaunchFailed,
    MessageReceived,
    NimbusChecked,
    PlanRead,
    ProcessExited,
    ProcessFound,
    ProcessStarted,
    ReadStatus,
    SaveCounts,
    SaveErrors,
    SettingsRead,
    StartContainer,
    StatusRead,
    StopProcess,
)
from scheduler.master.master import Master, MasterConfig
from scheduler.master.membership import ConnectionClosed, Drop, Reject, Send
from scheduler.plan import Address, Container, Instance, PackingPlan, PhysicalPlan
from scheduler.state.records import LogLevelRecord, ProcessRecord, SettingsRecord, Status, StatusRecord

ACTIVE = StatusRead(StatusRecord(Status.ACTIVE))
INACTIVE = StatusRead(StatusRecord(Status.INACTIVE))


def master(container_count: int = 2, **config: float) -> Master:
    containers = tuple(Container(n, (Instance("split", n),)) for n in range(1, container_count + 1))
    limits = {"orphan_s": math.inf, "stalled_s": math.inf, **config}
    return Master(PackingPlan("wc-1", 0, containers), 0.0, config=MasterConfig(**limits))


def process(container_id: int, *, restart_count: int = 0, started_at_s: float = 0.0) -> ProcessRecord:
    return ProcessRecord(100 + container_id, 1.0, restart_count, started_at_s)


def address(container_id: int, incarnation: int = 1) -> Address:
    return Address(container_id, incarnation, "127.0.0.1", 1000 + container_id)


def register(
    container_id: int,
    *,
    connection: int,
    incarnation: int = 1,
    version: int = 0,
    tasks: Sequence[int] = (),
) -> MessageReceived:
    message = Register(version, address(container_id, incarnation), 100 + container_id, [*tasks])
    return MessageReceived(connection, message)


def reported(container_id: int, *, connection: int, incarnation: int = 1) -> MessageReceived:
    return MessageReceived(connection, Report(container_id, incarnation, [], []))


def plan(*addresses: Address, version: int = 0, held: Sequence[int] = ()) -> PlanChanged:
    return PlanChanged(PhysicalPlan("wc-1", version, addresses), [*held])


def started(core: Master, now: float = 0.0) -> Master:
    """Start all containers and register them on connections 10, 20, ...."""
    for command in core.due(now):
        assert isinstance(command, StartContainer)
        container_id = command.container_id
        core.handle(ProcessStarted(container_id, process(container_id)), now)
        core.handle(register(container_id, connection=10 * container_id), now)
    return core


def play(core: Master, *story: tuple[float, Event | None, list[object]]) -> None:
    """Go through (time, event or None for `due`, expected commands)."""
    told: list[str] = []
    for now, event, expected in story:
        commands: list[Command] = core.due(now) if event is None else core.handle(event, now)
        told += [f">> {now} {event}", *(f"<< {command}" for command in commands)]
        assert commands == expected, "\n".join([*told, f"expected: {expected}"])


def texts(core: Master) -> list[str]:
    return [error.text for error in core.answer(0.0).errors]


def test_a_new_topology_starts_all_its_containers_once() -> None:
    play(master(), (0.0, None, [StartContainer(1, 0), StartContainer(2, 0)]), (0.1, None, []))


def test_who_registers_is_told_the_activity_first_and_then_the_plan() -> None:
    play(
        master(),
        (0.0, ACTIVE, []),
        (0.0, register(1, connection=10), [Send((10,), SetActive(is_active=True))]),
        (
            0.1,
            register(2, connection=20),
            [
                Send((20,), SetActive(is_active=True)),
                Send((10, 20), plan(address(1), address(2))),
            ],
        ),
    )


def test_only_an_active_topology_is_active() -> None:
    core = started(master())
    on, off = Send((10, 20), SetActive(is_active=True)), Send((10, 20), SetActive(is_active=False))
    play(
        core,
        (1.0, INACTIVE, []),
        (2.0, ACTIVE, [on]),
        (3.0, ACTIVE, []),
        (4.0, StatusRead(StatusRecord(Status.REBALANCING, 30.0, Status.ACTIVE)), [off]),
        (5.0, ACTIVE, [on]),
        (6.0, StatusRead(StatusRecord(Status.KILLED, 30.0)), [off]),
    )


def test_a_container_that_ends_is_started_again_and_people_are_told_why() -> None:
    core = started(master(silent_s=math.inf))
    play(core, (31.0, ProcessExited(2, -9), [Send((10,), plan(address(1)))]))
    text = "container 2 (port 6701) was ended by signal 9 after 31 s; started again in 0.1 s (restart 1)"
    assert core.next_due_s() == 31.1
    play(
        core,
        (31.05, None, [SaveErrors([ErrorReport("__system", -1, text, 31.0)])]),
        (31.1, None, [StartContainer(2, 1)]),
        (31.2, ProcessStarted(2, process(2, restart_count=1)), []),
        (
            31.3,
            register(2, connection=21, incarnation=2),
            [
                Send((21,), SetActive(is_active=False)),
                Send((10, 21), plan(address(1), address(2, 2))),
            ],
        ),
    )


def test_the_pauses_between_quick_deaths_grow() -> None:
    core, now, pauses = master(1), 0.0, []
    for restart_count in range(10):
        assert StartContainer(1, restart_count) in core.due(now)
        core.handle(ProcessStarted(1, process(1, restart_count=restart_count)), now)
        core.handle(ProcessExited(1, 1), now)
        pauses.append(round(core.next_due_s() - now, 3))
        now = core.next_due_s()
    assert pauses == [*DELAYS_S, 30.0, 30.0]
    assert texts(core)[0] == (
        "container 1 (port 6700) exited with code 1 (its log says why) after 0.0 s;"
        " started again in 0.1 s (restart 1)"
    )


def test_a_launch_that_fails_is_tried_again() -> None:
    core = master(1)
    play(
        core,
        (0.0, None, [StartContainer(1, 0)]),
        (0.0, LaunchFailed(1, "no such interpreter"), []),
    )
    [text] = texts(core)
    assert text == (
        "container 1 (port 6700) could not be started: no such interpreter;"
        " started again in 0.1 s (restart 1)"
    )
    assert StartContainer(1, 1) in core.due(0.1)


def test_living_containers_of_a_predecessor_are_adopted_and_the_others_started() -> None:
    core = master(3)
    core.epoch_offset_s = 1000.0
    play(
        core,
        (50.0, ProcessFound(1, process(1, restart_count=4, started_at_s=1020.0), is_alive=True), []),
        (50.0, ProcessFound(2, process(2, restart_count=2), is_alive=False), []),
    )
    text = (
        "container 2 (port 6701) had ended while no topology process watched it;"
        " started again at once (restart 3)"
    )
    saved = SaveErrors([ErrorReport("__system", -1, text, 1050.0)])
    play(core, (50.0, None, [StartContainer(2, 3), StartContainer(3, 0), saved]))
    assert core.answer(50.0).containers == [
        ContainerState(1, 101, is_registered=False, restart_count=4, uptime_s=30.0, host="", port=0),
        ContainerState(2, 0, is_registered=False, restart_count=3, uptime_s=0.0, host="", port=0),
        ContainerState(3, 0, is_registered=False, restart_count=0, uptime_s=0.0, host="", port=0),
    ]


def test_a_living_container_that_is_no_longer_planned_may_finish_and_is_forgotten() -> None:
    play(
        master(1),
        (0.0, ProcessFound(4, process(4), is_alive=True), []),
        (0.0, ProcessFound(5, process(5), is_alive=False), [ForgetProcess(5)]),
        (0.0, None, [StartContainer(1, 0)]),
        (0.0, ProcessStarted(1, process(1)), []),
        (0.0, register(1, connection=10), [Send((10,), SetActive(is_active=False))]),
        (
            0.1,
            register(4, connection=40, tasks=[9]),
            [
                Send((40,), SetActive(is_active=False)),
                Send((10, 40), plan(address(1), address(4), held=[9])),
            ],
        ),
        (
            0.2,
            register(4, connection=40),
            [
                Reject(40, "container 4 is not in the packing plan (version 0)"),
                Send((10,), plan(address(1))),
            ],
        ),
        (0.3, ProcessExited(4, 0), [ForgetProcess(4)]),
        (0.4, None, []),
    )


def test_one_that_does_not_even_register_is_ended_and_the_others_go_on() -> None:
    core = master(1, start_s=120.0)
    core.handle(ProcessFound(4, process(4), is_alive=True), 0.0)
    started(core)
    assert StopProcess(4, process(4), 0.0) in core.due(121.0)
    play(core, (122.0, ProcessExited(4, -9), [Send((10,), plan(address(1))), ForgetProcess(4)]))


def moved(version: int, *containers: tuple[int, tuple[int, ...]]) -> PlanRead:
    planned = (Container(n, tuple(Instance("split", t) for t in tasks)) for n, tasks in containers)
    return PlanRead(PackingPlan("wc-1", version, tuple(planned)))


def test_another_plan_starts_new_containers_and_lets_old_ones_finish() -> None:
    core = started(master(2))
    play(
        core,
        (1.0, moved(1, (1, (1,)), (3, (2,))), [Send((10, 20), Replan(1))]),
        (1.0, None, [StartContainer(3, 0)]),
        (1.0, ProcessStarted(3, process(3)), []),
        (2.0, ProcessExited(2, 0), [Send((10,), plan(address(1), version=1)), ForgetProcess(2)]),
        (9.0, None, []),
    )
    assert [c.container_id for c in core.answer(2.0).containers] == [1, 3]
    assert texts(core) == []


def test_a_container_that_never_registered_is_ended_at_once_if_it_is_planned_no_more() -> None:
    core = master(3)
    core.due(0.0)
    core.handle(ProcessStarted(2, process(2)), 0.0)
    core.handle(ProcessStarted(1, process(1)), 0.0)
    core.handle(LaunchFailed(3, "no room"), 0.0)
    play(
        core,
        (0.0, moved(1, (1, (1, 2, 3))), [StopProcess(2, process(2), 3.0), ForgetProcess(3)]),
        (0.1, ProcessExited(2, -15), [ForgetProcess(2)]),
    )


def test_one_of_a_predecessor_that_has_not_registered_yet_may_finish_though_it_is_planned_no_more() -> None:
    core = master(2)
    for container_id in (1, 2):
        core.handle(ProcessFound(container_id, process(container_id), is_alive=True), 0.0)
    play(
        core,
        (0.1, moved(1, (1, (1, 2))), []),
        # Until it has said what it has, nobody may start its tasks: two of one task would run.
        (0.2, register(1, connection=10, version=1, tasks=[1, 2]), [Send((10,), SetActive(is_active=False))]),
        (
            0.3,
            register(2, connection=20, version=0, tasks=[2]),
            [
                Send((20,), SetActive(is_active=False)),
                Send((20,), Replan(1)),
                Send((10, 20), plan(address(1), address(2), version=1, held=[2])),
            ],
        ),
        (0.4, ProcessExited(2, 0), [Send((10,), plan(address(1), version=1)), ForgetProcess(2)]),
    )


def test_a_container_that_is_planned_again_before_it_has_ended_goes_on() -> None:
    core = started(master(2))
    core.handle(moved(1, (1, (1, 2))), 1.0)
    play(
        core,
        (1.1, moved(2, (1, (1,)), (2, (2,))), [Send((10, 20), Replan(2))]),
        (1.2, None, []),
        (1.3, ProcessExited(2, 0), [Send((10,), plan(address(1), version=2))]),
    )
    assert core.due(1.5)[0] == StartContainer(2, 1)


def test_settings_go_to_all_and_to_who_comes_later() -> None:
    settings = SettingsRecord({"ROOT": LogLevelRecord("DEBUG")})
    core = started(master(2))
    play(
        core,
        (1.0, SettingsRead(settings), [Send((10, 20), SettingsChanged(settings))]),
        (
            2.0,
            register(1, connection=11),
            [
                Send((11,), SettingsChanged(settings)),
                Send((11,), SetActive(is_active=False)),
                Drop(10, "the same container has connected anew"),
                Send((11,), plan(address(1), address(2))),
            ],
        ),
    )


def test_a_container_is_ended_because_somebody_asks_and_starts_again() -> None:
    core = started(master(1))
    play(
        core,
        (5.0, MessageReceived(99, RestartContainer(1)), [StopProcess(1, process(1), 3.0)]),
        (5.1, ProcessExited(1, 0), []),
        (5.1, MessageReceived(99, RestartContainer(1)), []),
        (5.1, MessageReceived(99, RestartContainer(7)), []),
    )
    assert core.due(5.3)[0] == StartContainer(1, 1)
    assert texts(core)[0] == "container 1 (port 6700) is ended and started again, as somebody asked for"


def test_a_container_that_falls_silent_is_ended_and_another_starts() -> None:
    core = started(master(1, silent_s=30.0))
    text = "container 1 (port 6700) said nothing for 30 s; it is ended and started again"
    silence = ErrorReport("__system", -1, text, 50.5)
    play(
        core,
        (20.0, reported(1, connection=10), []),
        (50.0, None, []),
        (50.5, None, [StopProcess(1, process(1), 0.0), SaveErrors([silence])]),
        (51.0, None, []),
        (51.0, ProcessExited(1, -9), []),
    )
    assert StartContainer(1, 1) in core.due(52.0)


def test_a_container_that_never_registers_is_ended() -> None:
    core = master(1, start_s=120.0)
    play(
        core,
        (0.0, None, [StartContainer(1, 0)]),
        (0.0, ProcessStarted(1, process(1)), []),
        (120.0, None, []),
    )
    assert core.due(121.0)[0] == StopProcess(1, process(1), 0.0)
    assert texts(core) == [
        "container 1 (port 6700) did not register for 120 s; it is ended and started again"
    ]


def test_nobody_is_blamed_for_silence_while_we_slept_ourselves() -> None:
    core = started(master(1, silent_s=30.0, stalled_s=5.0, orphan_s=40.0))
    play(core, (1.0, None, []), (500.0, None, []), (501.0, None, []))
    assert texts(core) == []


def test_a_topology_that_is_gone_is_halted_and_nothing_is_stored_of_it() -> None:
    core = started(master())
    core.handle(ConnectionClosed(20), 1.0)
    core.handle(ProcessExited(2, 0), 1.0)
    play(
        core,
        (
            1.0,
            StatusRead(None),
            [Send((10,), Halt("the topology was killed")), End("the topology was killed")],
        ),
        (9.0, None, []),
        (9.0, ProcessExited(1, 0), []),
        (9.0, EndWanted("SIGTERM was received"), []),
    )


def test_on_demand_all_are_halted_and_the_errors_are_kept() -> None:
    core = started(master(1))
    core.handle(MessageReceived(10, Report(1, 1, [], [ErrorReport("split", 1, "boom", 5.0)])), 1.0)
    play(
        core,
        (
            1.0,
            EndWanted("SIGTERM was received"),
            [
                Send((10,), Halt("SIGTERM was received")),
                SaveErrors([ErrorReport("split", 1, "boom", 5.0)]),
                End("SIGTERM was received"),
            ],
        ),
    )


def counted(count: int, *, incarnation: int = 1) -> MessageReceived:
    task = TaskReport(
        *(1, "split", "running", 7, 1.0, 0),
        *({"default": count}, {}, {}, {}, {}, {}, {}),
        *(0, 0, 0),
    )
    return MessageReceived(10, Report(1, incarnation, [task], []))


def saved_counts(commands: list[Command]) -> list[int]:
    """Return what was counted by default according to each command to save it."""
    return [
        sum(task.current.emitted["default"] for task in command.counts.tasks)
        for command in commands
        if isinstance(command, SaveCounts)
    ]


def test_counts_are_saved_now_and_then_and_sooner_after_a_container_ended() -> None:
    core = started(master(1, silent_s=math.inf))
    saved = {}
    for second in range(1, 50):
        core.handle(counted(second), second)
        if second == 40:
            core.handle(ProcessExited(1, 0), second)
        saved[second] = saved_counts(core.due(second))
    assert {second: counts for second, counts in saved.items() if counts} == {1: [1], 31: [31], 40: [40]}


def test_counts_are_saved_at_the_end_but_not_of_a_topology_that_is_gone() -> None:
    core = started(master(1))
    core.handle(counted(5), 1.0)
    assert saved_counts(core.handle(EndWanted("SIGTERM was received"), 2.0)) == [5]
    core = started(master(1))
    core.handle(counted(5), 1.0)
    assert saved_counts(core.handle(StatusRead(None), 2.0)) == []


def test_a_successor_says_whether_all_adopted_containers_have_told_what_they_counted() -> None:
    core = master(2)
    core.handle(ProcessFound(1, process(1), is_alive=True), 0.0)
    core.handle(ProcessFound(2, process(2), is_alive=True), 0.0)
    core.handle(register(1, connection=10), 1.0)
    core.handle(counted(5), 1.0)
    assert not core.answer(1.0).is_counted
    core.handle(ProcessExited(2, None), 2.0)
    assert core.answer(2.0).is_counted


def test_a_successor_counts_on() -> None:
    core = started(master(1))
    core.handle(counted(5), 1.0)
    [command] = [c for c in core.due(2.0) if isinstance(c, SaveCounts)]
    successor = Master(core.membership.packing, 0.0, saved_counts=command.counts, epoch_offset_s=9.0)
    assert [task.emitted for task in successor.answer(0.0).tasks] == [{"default": 5}]
    successor.handle(register(1, connection=10, incarnation=2), 1.0)
    successor.handle(counted(1, incarnation=2), 1.0)
    assert [task.emitted for task in successor.answer(1.0).tasks] == [{"default": 6}]


def test_without_nimbus_for_long_the_topology_ends() -> None:
    play(
        started(master(1, orphan_s=600.0, silent_s=math.inf)),
        (100.0, NimbusChecked(is_alive=True), []),
        (101.0, NimbusChecked(is_alive=False), []),
        (700.0, None, []),
        (
            700.5,
            None,
            [Send((10,), Halt("no nimbus for 600 s")), End("no nimbus for 600 s")],
        ),
    )


def test_errors_are_saved_at_most_once_a_second() -> None:
    core = started(master(1))
    first, second = ErrorReport("split", 1, "one", 1.0), ErrorReport("split", 1, "two", 2.0)
    play(
        core,
        (1.0, MessageReceived(10, Report(1, 1, [], [first])), []),
        (1.0, None, [SaveErrors([first])]),
        (1.2, MessageReceived(10, Report(1, 1, [], [second])), []),
        (1.9, None, []),
        (2.0, None, [SaveErrors([first, second])]),
        (3.0, None, []),
    )


def test_nimbus_is_answered_and_its_nudge_obeyed() -> None:
    core = started(master(1))
    state = ContainerState(
        1, 101, is_registered=True, restart_count=0, uptime_s=7.0, host="127.0.0.1", port=1001
    )
    play(
        core,
        (7.0, MessageReceived(99, Nudge()), [ReadStatus()]),
        (
            7.0,
            MessageReceived(99, Ask()),
            [Send((99,), Answer(is_complete=True, containers=[state], tasks=[], errors=[]))],
        ),
    )


def test_who_breaks_the_agreement_loses_the_connection() -> None:
    core = started(master())
    reason = "container 1 was started with version 5 of the packing plan, version 0 is running"
    play(
        core,
        (
            1.0,
            reported(1, connection=77),
            [Drop(77, "a report of container 1, which is not registered here")],
        ),
        (
            1.0,
            reported(1, connection=20),
            [Drop(20, "a report of container 1, which is not registered here")],
        ),
        (
            1.0,
            reported(1, connection=10, incarnation=9),
            [Drop(10, "a report of another incarnation of container 1")],
        ),
        (1.0, MessageReceived(10, Hello("wc-1", "x")), [Drop(10, "Hello is not for a topology process")]),
        (1.0, register(1, connection=78, version=5), [Reject(78, reason)]),
    )


STEPS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["exit", "fail", "register", "close", "tick"]),
        st.floats(0, 40),
    ),
    max_size=50,
)


@settings(deadline=None)
@given(STEPS)
def test_a_planned_container_always_has_a_process_or_a_time_to_start(
    steps: list[tuple[int, str, float]],
) -> None:
    core, now, alive, starting = master(3), 0.0, set[int](), set[int]()

    def obey(commands: list[Command]) -> None:
        for command in commands:
            match command:
                case StartContainer(container_id):
                    assert container_id not in alive | starting, "two processes of one container"
                    starting.add(container_id)
                case StopProcess(container_id):
                    assert container_id in alive
                    alive.discard(container_id)
                    obey(core.handle(ProcessExited(container_id, -9), now))

    def start_all() -> None:
        for each in sorted(starting):
            alive.add(each)
            obey(core.handle(ProcessStarted(each, process(each)), now))
        starting.clear()

    for incarnation, (container_id, what, pause_s) in enumerate(steps):
        now += pause_s
        obey(core.due(now))
        if what == "fail" and container_id in starting:
            starting.discard(container_id)
            obey(core.handle(LaunchFailed(container_id, "no"), now))
        start_all()
        if what == "exit" and container_id in alive:
            alive.discard(container_id)
            obey(core.handle(ProcessExited(container_id, None), now))
        if what == "register":
            obey(core.handle(register(container_id, connection=container_id, incarnation=incarnation), now))
        if what == "close":
            obey(core.handle(ConnectionClosed(container_id), now))
        waiting = {1, 2, 3} - alive
        assert (core.next_due_s() < math.inf) == bool(waiting)
    while core.next_due_s() < math.inf:
        now = max(now, core.next_due_s())
        obey(core.due(now))
        start_all()
    assert alive == {1, 2, 3}
