import dataclasses

from bench import figures, table

RESULT = {
    "made_at": "2026-01-02T03:04:05Z",
    "quick": False,
    "machine": {
        "processor": "a processor",
        "cores": 2,
        "memory_gib": 7.6,
        "system": "Linux 6",
        "python": "3.11.7",
        "versions": {"msgspec": "0.22.0"},
        "commit": "abc",
    },
    "cases": {
        "idle": {"values": {"rss_mib": 84.4, "cpu_percent": 4.0}, "foreign_cores": 0.02},
        "latency": {"values": {"p50_ms": 0.58}, "foreign_cores": 1.5},
    },
    "failures": ["Start and end: no port\nmuch more about it"],
}


def test_a_figure_stands_beside_what_was_demanded_and_what_storm_has():
    assert table.rows(RESULT, "idle") == [
        ("memory, RSS", "84 MiB", "at most 150", "met", "890"),
        ("CPU, active topology without data", "4.0 % of a core", "at most 3", "MISSED", ""),
    ]


def test_the_text_tells_what_was_missed_what_was_noisy_and_what_did_not_run():
    lines = table.as_text(RESULT).splitlines()
    assert "Memory and idling, one container (others used 0.02 cores)" in lines
    assert "Latency, pystorm, spout -> b1 -> b2, 500 tuples/s (others used 1.50 cores: noisy)" in lines
    assert lines[-3:] == [
        "2 demands met, 1 missed:",
        "missed: Memory and idling, one container: CPU, active topology without data",
        "did not run: Start and end: no port",
    ]


def test_the_page_names_the_machine_and_leaves_out_cases_that_were_not_run():
    page = table.as_markdown(RESULT)
    assert page.startswith(
        "a processor, 2 cores, 7.6 GiB, Linux 6, Python 3.11.7, msgspec 0.22.0; 2026-01-02T03:04:05Z"
    )
    assert "| memory, RSS | 84 MiB | at most 150 | met | 890 |" in page
    assert page.count("### ") == 2


def test_every_figure_has_a_title_and_a_name_of_its_own():
    names = [(figure.case, figure.key) for figure in figures.FIGURES]
    assert len(names) == len(set(names))
    assert {figure.case for figure in figures.FIGURES} == set(figures.TITLES)


def test_a_demand_is_met_at_its_limit():
    figure = figures.Figure("idle", "k", "label", "", "how", most=3.0)
    assert (figure.is_met(3.0), figure.is_met(3.1)) == (True, False)
    assert dataclasses.replace(figure, most=None, least=3.0).is_met(2.9) is False
    assert dataclasses.replace(figure, most=None).is_met(1.0) is None
