"""Who is registered, and which physical plan follows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.control.messages import PlanChanged, Replan
from scheduler.master.membership import (
    ConnectionClosed,
    ContainerEnded,
    Drop,
    Membership,
    MembershipEvent,
    Registered,
    Reject,
    Send,
)
from scheduler.plan import Address, Container, Instance, PackingPlan, PhysicalPlan

VERSION = 3


def membership(container_count: int = 2) -> Membership:
    containers = tuple(Container(n, (Instance("split", n),)) for n in range(1, container_count + 1))
    return Membership(PackingPlan("wc-1", VERSION, containers))


def address(container_id: int, incarnation: int = 1) -> Address:
    return Address(container_id, incarnation, "127.0.0.1", 1000 * container_id + incarnation)


def registered(
    container_id: int,
    *,
    connection: int,
    incarnation: int = 1,
    version: int = VERSION,
    tasks: tuple[int, ...] = (),
) -> Registered:
    where = address(container_id, incarnation)
    return Registered(connection, version, where, pid=4000 + container_id, tasks=frozenset(tasks))


def plan(*addresses: Address, version: int = VERSION, held: tuple[int, ...] | None = ()) -> PlanChanged:
    return PlanChanged(PhysicalPlan("wc-1", version, addresses), None if held is None else [*held])


def packing(version: int, *containers: tuple[int, ...]) -> PackingPlan:
    """Return a plan that has these tasks in containers 1, 2, ...; an empty one is left out."""
    planned = [
        Container(n, tuple(Instance("split", task) for task in tasks))
        for n, tasks in enumerate(containers, start=1)
        if tasks
    ]
    return PackingPlan("wc-1", version, tuple(planned))


def play(core: Membership, *story: tuple[MembershipEvent, list[object]]) -> None:
    told: list[str] = []
    for event, expected in story:
        commands = core.handle(event)
        told += [f">> {event}", *(f"<< {command}" for command in commands)]
        assert commands == expected, "\n".join([*told, f"expected: {expected}"])


def test_the_plan_goes_to_all_when_the_last_container_is_in() -> None:
    core = membership()
    play(
        core,
        (registered(2, connection=20), []),
        (registered(1, connection=10), [Send((10, 20), plan(address(1), address(2)))]),
    )
    assert core.is_complete


def test_before_the_first_complete_plan_a_loss_is_told_to_nobody() -> None:
    core = membership(3)
    play(
        core,
        (registered(1, connection=10), []),
        (registered(2, connection=20), []),
        (ConnectionClosed(10), []),
        (registered(3, connection=30), []),
        (
            registered(1, connection=11, incarnation=2),
            [Send((11, 20, 30), plan(address(1, 2), address(2), address(3)))],
        ),
    )


def test_a_lost_container_leaves_the_plan_at_once_and_its_successor_enters_it() -> None:
    play(
        membership(),
        (registered(1, connection=10), []),
        (registered(2, connection=20), [Send((10, 20), plan(address(1), address(2)))]),
        (ConnectionClosed(20), [Send((10,), plan(address(1)))]),
        (registered(2, connection=21, incarnation=2), [Send((10, 21), plan(address(1), address(2, 2)))]),
    )


def test_a_newcomer_gets_the_plan_even_while_another_container_is_lost() -> None:
    play(
        membership(),
        (registered(1, connection=10), []),
        (registered(2, connection=20), [Send((10, 20), plan(address(1), address(2)))]),
        (ConnectionClosed(10), [Send((20,), plan(address(2)))]),
        (ConnectionClosed(20), []),
        (registered(2, connection=21, incarnation=2), [Send((21,), plan(address(2, 2)))]),
    )


def test_the_end_of_a_process_counts_before_its_connection_closes() -> None:
    play(
        membership(),
        (registered(1, connection=10), []),
        (registered(2, connection=20), [Send((10, 20), plan(address(1), address(2)))]),
        (ContainerEnded(2), [Send((10,), plan(address(1)))]),
        (ConnectionClosed(20), []),
    )


def test_the_old_connection_of_a_replaced_incarnation_is_told_to_end() -> None:
    core = membership()
    play(
        core,
        (registered(1, connection=10), []),
        (registered(2, connection=20), [Send((10, 20), plan(address(1), address(2)))]),
        (
            registered(2, connection=21, incarnation=2),
            [Reject(20, "container 2 was replaced"), Send((10, 21), plan(address(1), address(2, 2)))],
        ),
        (ConnectionClosed(20), []),
    )
    assert core.is_complete


def test_a_container_that_connects_anew_is_not_told_to_end_and_its_peers_notice_nothing() -> None:
    play(
        membership(),
        (registered(1, connection=10), []),
        (registered(2, connection=20), [Send((10, 20), plan(address(1), address(2)))]),
        (
            registered(2, connection=21),
            [
                Drop(20, "the same container has connected anew"),
                Send((21,), plan(address(1), address(2))),
            ],
        ),
    )


def test_an_incarnation_that_was_replaced_cannot_come_back() -> None:
    play(
        membership(1),
        (registered(1, connection=10), [Send((10,), plan(address(1)))]),
        (ContainerEnded(1), []),
        (
            registered(1, connection=11),
            [Reject(11, "this incarnation of container 1 was replaced by another one")],
        ),
        (registered(1, connection=12, incarnation=2), [Send((12,), plan(address(1, 2)))]),
    )


def test_an_incarnation_is_known_as_ended_even_if_its_connection_closed_before() -> None:
    play(
        membership(1),
        (registered(1, connection=10), [Send((10,), plan(address(1)))]),
        (ConnectionClosed(10), []),
        (ContainerEnded(1), []),
        (
            registered(1, connection=11),
            [Reject(11, "this incarnation of container 1 was replaced by another one")],
        ),
    )


def test_who_is_not_planned_or_has_a_later_plan_is_rejected_with_the_reason() -> None:
    core = membership(1)
    play(
        core,
        (
            registered(7, connection=70),
            [Reject(70, "container 7 is not in the packing plan (version 3)")],
        ),
        (
            registered(1, connection=10, version=4),
            [
                Reject(
                    10,
                    "container 1 was started with version 4 of the packing plan, version 3 is running",
                )
            ],
        ),
    )
    assert not core.members


def test_one_connection_cannot_be_two_containers_and_loses_the_one_it_was() -> None:
    core = membership()
    play(
        core,
        (registered(1, connection=10), []),
        (registered(2, connection=20), [Send((10, 20), plan(address(1), address(2)))]),
        (
            registered(2, connection=10),
            [Reject(10, "this connection belongs to container 1"), Send((20,), plan(address(2)))],
        ),
        (ConnectionClosed(10), []),
    )


def test_all_are_told_of_another_plan_and_its_tasks_are_held_until_their_old_container_has_finished() -> None:
    core = Membership(packing(3, (1, 2), (3,)))
    for container_id, tasks in ((1, (1, 2)), (2, (3,))):
        core.handle(registered(container_id, connection=10 * container_id, tasks=tasks))
    assert core.follow(packing(4, (1,), (2, 3))) == [Send((10, 20), Replan(4))]
    assert not core.is_complete
    both = address(1), address(2)
    play(
        core,
        (
            registered(2, connection=20, version=4, tasks=(2, 3)),
            [Send((10, 20), plan(*both, version=4, held=(2,)))],
        ),
        (
            registered(1, connection=10, version=4, tasks=(1, 2)),
            [Send((10, 20), plan(*both, version=4, held=(2,)))],
        ),
        (registered(1, connection=10, version=4, tasks=(1,)), [Send((10, 20), plan(*both, version=4))]),
    )
    assert core.is_complete


def test_a_container_that_is_planned_no_more_stays_until_it_has_no_task() -> None:
    core = Membership(packing(3, (1,), (2,)))
    for container_id in (1, 2):
        core.handle(registered(container_id, connection=10 * container_id, tasks=(container_id,)))
    core.follow(packing(4, (1, 2)))
    both = address(1), address(2)
    play(
        core,
        (
            registered(2, connection=20, version=4, tasks=(2,)),
            [Send((10, 20), plan(*both, version=4, held=(2,)))],
        ),
        (
            registered(1, connection=10, version=4, tasks=(1, 2)),
            [Send((10, 20), plan(*both, version=4, held=(2,)))],
        ),
        (
            registered(2, connection=20, version=4),
            [
                Reject(20, "container 2 is not in the packing plan (version 4)"),
                Send((10,), plan(address(1), version=4)),
            ],
        ),
    )
    assert core.is_complete


def test_a_successor_of_the_topology_process_goes_on_in_the_middle() -> None:
    core = Membership(packing(4, (1,), (), (2,)))
    play(
        core,
        (registered(1, connection=10, version=3, tasks=(1,)), [Send((10,), Replan(4))]),
        (registered(2, connection=20, version=3, tasks=(2,)), [Send((20,), Replan(4))]),
        (registered(1, connection=10, version=4, tasks=(1,)), []),
        (
            registered(3, connection=30, version=4, tasks=(2,)),
            [Send((10, 20, 30), plan(address(1), address(2), address(3), version=4, held=(2,)))],
        ),
        (
            registered(2, connection=20, version=4),
            [
                Reject(20, "container 2 is not in the packing plan (version 4)"),
                Send((10, 30), plan(address(1), address(3), version=4)),
            ],
        ),
    )


def test_a_successor_sends_no_plan_before_it_knows_what_old_containers_hold() -> None:
    core = Membership(packing(4, (1,)), awaited={2, 3})
    play(
        core,
        (registered(1, connection=10, version=4, tasks=(1,)), []),
        (ContainerEnded(2), []),
        (
            registered(3, connection=30, version=4),
            [
                Reject(30, "container 3 is not in the packing plan (version 4)"),
                Send((10,), plan(address(1), version=4)),
            ],
        ),
    )


def in_the_middle() -> Membership:
    """Task 2 is to go from container 1 to 2; both are members."""
    core = Membership(packing(3, (1, 2), (3,)))
    for container_id, tasks in ((1, (1, 2)), (2, (3,))):
        core.handle(registered(container_id, connection=10 * container_id, tasks=tasks))
    core.follow(packing(4, (1,), (2, 3)))
    return core


def test_what_a_container_held_is_free_when_it_dies() -> None:
    play(in_the_middle(), (ContainerEnded(1), [Send((20,), plan(address(2), version=4))]))


def test_what_a_container_held_is_held_while_it_is_only_cut_off() -> None:
    core = in_the_middle()
    play(core, (ConnectionClosed(10), [Send((20,), plan(address(2), version=4, held=(2,)))]))
    assert core.held() == [2]
    play(
        core,
        (
            registered(1, connection=11, version=4, tasks=(1,)),
            [Send((11, 20), plan(address(1), address(2), version=4))],
        ),
    )


def test_what_a_container_held_that_is_cut_off_is_free_when_it_dies() -> None:
    play(
        in_the_middle(),
        (ConnectionClosed(10), [Send((20,), plan(address(2), version=4, held=(2,)))]),
        (ContainerEnded(1), [Send((20,), plan(address(2), version=4))]),
        (ContainerEnded(1), []),
    )


def test_nobody_starts_a_task_while_one_who_may_have_it_has_not_spoken() -> None:
    core = Membership(packing(3, (1,)))
    core.handle(registered(1, connection=10, tasks=(1,)))
    core.awaited.add(2)
    core.follow(packing(4, (1, 2)))
    play(
        core,
        (
            registered(1, connection=10, version=4, tasks=(1, 2)),
            [Send((10,), plan(address(1), version=4, held=None))],
        ),
        (
            registered(2, connection=20, version=3, tasks=(2,)),
            [
                Send((20,), Replan(4)),
                Send((10, 20), plan(address(1), address(2), version=4, held=(2,))),
            ],
        ),
        (ContainerEnded(2), [Send((10,), plan(address(1), version=4))]),
    )


EVENTS = st.one_of(
    st.builds(
        lambda c, k, i: registered(c, connection=k, incarnation=i),
        st.integers(1, 4),
        st.integers(1, 8),
        st.integers(1, 5),
    ),
    st.builds(ConnectionClosed, st.integers(1, 8)),
    st.builds(ContainerEnded, st.integers(1, 4)),
)


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=40))
def test_every_member_always_knows_the_present_plan(events: list[MembershipEvent]) -> None:
    core = membership(3)
    known: dict[int, PlanChanged] = {}
    for event in events:
        for command in core.handle(event):
            match command:
                case Send(connections, PlanChanged() as message):
                    known.update(dict.fromkeys(connections, message))
                case Reject(connection) | Drop(connection):
                    known.pop(connection, None)
        assert len(set(core.connections())) == len(core.members)
        assert all(core.container_at(m.connection) == c for c, m in core.members.items())
        if core.has_been_complete:
            assert all(known[c] == PlanChanged(core.plan()) for c in core.connections())
        else:
            assert not known
        assert not core.is_complete or core.has_been_complete
