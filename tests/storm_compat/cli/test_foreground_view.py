"""What people see of a topology in the foreground."""

from types import SimpleNamespace

import pytest

from storm_compat.cli import foreground_view
from storm_compat.cli.foreground import Row, Said
from storm_compat.client_values import Counts, ErrorSummary

SPOUT = Row("words", 1, 1, Counts(emitted=1200, acked=1000, failed=2, is_spout=True), 400.0)
BOLT = Row("count", 3, 2, Counts(emitted=0, executed=1000, acked=1000), 333.3)
TRACE = "Python ValueError raised\nTraceback (most recent call last):\n  File ...\nValueError: no"


def foreground(*errors, lines=(), run_s=70.0):
    found = [ErrorSummary("count", text, 0, None, None) for text in errors]
    return SimpleNamespace(
        name="lake", run_s=run_s, has_run=True, errors=found, rows=[SPOUT, BOLT], lines=list(lines)
    )


def test_a_line_of_counts_begins_with_the_component():
    assert foreground_view.counts_line(SPOUT) == (
        "words  1 of 1 task  emitted 1,200  acked 1,000  failed 2  400/s"
    )
    assert foreground_view.counts_line(BOLT) == (
        "count  2 of 3 tasks  emitted 0  executed 1,000  acked 1,000  failed 0  333/s"
    )


def test_the_title_says_how_it_is():
    assert foreground_view.title(foreground(run_s=0.0)) == "lake starts"
    assert foreground_view.title(foreground("a", "b")) == "lake, 1m10s, 2 errors"


def test_the_summary_says_what_a_component_died_of_and_not_that_it_came_again():
    died = f"python bolt.py ended with exit code 1. Last lines of stderr:\n{TRACE}\nStarted again in 2 s"
    cut = (
        '... Last lines of stderr:\n    import a\n  File "a.py", line 2, in a\nValueError: no\nStarted again'
    )
    text = foreground_view.summary(foreground(died, f"{died} (restart 2)", cut))
    assert text.splitlines()[-1] == "  count: ValueError: no (3 times)"


def test_the_summary_has_each_kind_of_error_once():
    text = foreground_view.summary(foreground(TRACE, TRACE, "it cannot be started\nmore"))
    assert text.splitlines()[-3:] == [
        "3 errors:",
        "  count: ValueError: no (2 times)",
        "  count: it cannot be started",
    ]
    assert foreground_view.summary(foreground()).endswith("No errors.")


@pytest.mark.parametrize(
    ("has_log", "shown"),
    [
        (True, ["12:00:00 count:3 INFO hello", "12:00:01 count:3 ERROR Exception", "  File ..."]),
        (False, ["12:00:01 count:3 ERROR Exception", "  File ..."]),
    ],
)
def test_without_the_log_errors_are_shown_with_their_tracebacks(capsys, has_log, shown):
    lines = [
        Said("12:00:00", "INFO", "count:3", "hello"),
        Said("12:00:01", "ERROR", "count:3", "Exception"),
        Said("", "", "", "  File ...", has_head=False),
    ]
    view = foreground_view.Plain(every_s=1000, has_log=has_log)
    view.show(foreground(lines=lines))
    assert capsys.readouterr().out.splitlines() == shown


def test_on_a_terminal_the_table_stays_below_the_log(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    with foreground_view.OnTerminal(has_log=True) as view:
        view.show(foreground(lines=[Said("12:00:00", "INFO", "count:3", "[bold]hello[/bold]")]))
        drawn = "\n".join(
            "".join(segment.text for segment in line)
            for line in view._console.render_lines(view._table(foreground()))
        )
    assert "12:00:00 count:3 INFO [bold]hello[/bold]" in capsys.readouterr().out
    assert "lake, 1m10s" in drawn
    assert "2 of 3" in drawn
