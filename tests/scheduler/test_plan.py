"""Plans."""

from __future__ import annotations

from scheduler.plan import Container, Instance, PackingPlan


def test_a_packing_plan_tells_where_each_task_is() -> None:
    plan = PackingPlan(
        "t",
        1,
        (
            Container(1, (Instance("a", 3), Instance("b", 1))),
            Container(2, (Instance("a", 2),)),
            Container(3, ()),
        ),
    )
    assert plan.container_of() == {3: 1, 1: 1, 2: 2}
