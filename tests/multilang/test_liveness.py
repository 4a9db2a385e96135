from multilang.liveness import Liveness


def test_a_component_is_given_up_when_it_was_silent_for_longer_than_the_limit() -> None:
    liveness = Liveness(limit_s=30.0, heard_s=100.0)

    assert not liveness.is_dead(100.0)
    assert not liveness.is_dead(130.0)
    assert liveness.is_dead(130.1)


def test_whatever_is_heard_starts_the_clock_anew() -> None:
    liveness = Liveness(limit_s=30.0, heard_s=100.0)

    liveness.hear(129.0)
    assert not liveness.is_dead(159.0)
    assert liveness.is_dead(159.1)


def test_a_silent_component_is_asked_every_ten_seconds_until_it_answers() -> None:
    liveness = Liveness(limit_s=30.0, heard_s=100.0)

    asked_at = [now for now in range(100, 131) if liveness.wants_heartbeat(float(now))]
    assert asked_at == [110, 120, 130]

    liveness.hear(131.0)
    assert [now for now in range(131, 145) if liveness.wants_heartbeat(float(now))] == [141]


def test_a_busy_component_is_never_asked() -> None:
    liveness = Liveness(limit_s=30.0, heard_s=100.0)

    for now in range(100, 200):
        liveness.hear(float(now))
        assert not liveness.wants_heartbeat(now + 0.9)


def test_a_short_limit_leaves_time_for_two_questions() -> None:
    liveness = Liveness(limit_s=3.0, heard_s=100.0)

    asked_at = [
        now for now in range(100, 110) if liveness.wants_heartbeat(float(now)) and not liveness.is_dead(now)
    ]
    assert asked_at == [101, 102, 103]


def test_time_in_which_nobody_could_listen_does_not_count() -> None:
    liveness = Liveness(limit_s=5.0, heard_s=100.0)

    liveness.excuse(20.0, 122.0)
    assert not liveness.is_dead(122.0)
    assert liveness.wants_heartbeat(122.0)
    assert liveness.is_dead(125.1)

    liveness.hear(130.0)
    liveness.excuse(20.0, 131.0)  # heard only just: it is not ahead of its time
    assert liveness.is_dead(136.1)
