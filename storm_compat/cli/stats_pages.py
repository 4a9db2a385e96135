"""The pages of `heronry stats`, as text. Pure, but for whether to colour."""

from __future__ import annotations

from collections.abc import Sequence

from storm_compat.cli.output import duration, plural, status_text, styled, table
from storm_compat.page_values import WINDOWS, ComponentPage, ComponentRow, Numbers, TopologyPage

_SPOUT = ("EMITTED", "TRANSFERRED", "ACKED", "FAILED", "COMPLETE MS")
_BOLT = (
    *("EMITTED", "TRANSFERRED", "EXECUTED", "ACKED", "FAILED"),
    *("PROCESS MS", "EXECUTE MS", "CAPACITY"),
)

Cells = tuple[object, ...]


def cluster_stats(pages: Sequence[TopologyPage], window: str) -> str:
    """Return one line per topology."""
    rows = [
        (page.name, status_text(page.status), *_spout_cells(page.by_window[window]))
        for page in sorted(pages, key=lambda page: page.name)
    ]
    return "\n".join(
        [
            _about(window),
            "",
            table(("NAME", "STATUS", *_SPOUT), rows, right=range(2, 7)),
        ]
    )


def topology_stats(page: TopologyPage) -> str:
    """Return a topology by window, then its spouts and bolts in one of them."""
    lines = [
        f"{styled(page.name, bold=True)} is {status_text(page.status)}, up {duration(page.uptime_s)}",
        "",
        _windows(page.by_window, is_spout=True),
    ]
    for is_spout, title in ((True, "Spouts"), (False, "Bolts")):
        rows = [_component_cells(row) for row in page.components if row.is_spout is is_spout]
        if rows:
            columns = _SPOUT if is_spout else _BOLT
            header = (title[:-1].upper(), "TASKS", *columns)
            lines += ["", f"{styled(title, bold=True)}, {_about(page.window)}"]
            lines.append(table(header, rows, right=range(1, len(header))))
    return "\n".join(lines)


def component_stats(page: ComponentPage) -> str:
    """Return a component by window, then its streams and executors in one of them."""
    kind = "spout" if page.is_spout else "bolt"
    sizes = f"{plural(page.task_count, 'task')} in {plural(page.executor_count, 'executor')}"
    lines = [
        f"{styled(page.component, bold=True)}, {kind} of {page.name}, {sizes}",
        "",
        _windows(page.by_window, is_spout=page.is_spout),
    ]
    for title, rows in (
        ("Emits", _output_table(page)),
        ("Receives", _input_table(page)),
        ("Executors", _executor_table(page)),
    ):
        if rows:
            lines += ["", f"{styled(title, bold=True)}, {_about(page.window)}", rows]
    if page.errors:
        more = f"show with: heronry errors {page.name} -c {page.component}"
        lines += ["", styled(f"{plural(len(page.errors), 'error')}; {more}", colour="red")]
    return "\n".join(lines)


def _output_table(page: ComponentPage) -> str:
    columns = _SPOUT if page.is_spout else _BOLT[:2]
    cells = _spout_cells if page.is_spout else _output_cells
    rows = [(stream, *cells(numbers)) for stream, numbers in page.outputs.items()]
    return table(("STREAM", *columns), rows, right=range(1, len(columns) + 1)) if rows else ""


def _input_table(page: ComponentPage) -> str:
    header = ("FROM", "STREAM", "EXECUTED", "ACKED", "FAILED", "PROCESS MS", "EXECUTE MS")
    rows = [(source, stream, *_input_cells(numbers)) for source, stream, numbers in page.inputs]
    return table(header, rows, right=range(2, len(header))) if rows else ""


def _executor_table(page: ComponentPage) -> str:
    header = ("TASK", "PLACE", "UPTIME", *(_SPOUT if page.is_spout else _BOLT))
    cells = _spout_cells if page.is_spout else _bolt_cells
    rows = [
        (
            f"{e.first_task}-{e.last_task}" if e.last_task > e.first_task else e.first_task,
            f"{e.host}:{e.port}",
            duration(e.uptime_s),
            *cells(e.numbers),
        )
        for e in page.executors
    ]
    return table(header, rows, right=range(2, len(header))) if rows else ""


def _about(window: str) -> str:
    return "all time" if WINDOWS[window] == "all" else f"last {WINDOWS[window]}"


def _windows(by_window: dict[str, Numbers], *, is_spout: bool) -> str:
    columns = _SPOUT if is_spout else _BOLT[:-1]
    cells = _spout_cells if is_spout else _bolt_cells
    rows = [(WINDOWS[window], *cells(n)[: len(columns)]) for window, n in by_window.items()]
    return table(("WINDOW", *columns), rows, right=range(1, len(columns) + 1))


def _component_cells(row: ComponentRow) -> Cells:
    cells = _spout_cells(row.numbers) if row.is_spout else _bolt_cells(row.numbers)
    return (row.component, row.task_count, *cells)


def _spout_cells(n: Numbers) -> Cells:
    return (*_output_cells(n), n.acked, n.failed, _ms(n.complete_ms))


def _bolt_cells(n: Numbers) -> Cells:
    latencies = (_ms(n.process_ms), _ms(n.execute_ms))
    return (*_output_cells(n), n.executed, n.acked, n.failed, *latencies, _ms(n.capacity))


def _output_cells(n: Numbers) -> Cells:
    return (n.emitted, n.transferred)


def _input_cells(n: Numbers) -> Cells:
    return (n.executed, n.acked, n.failed, _ms(n.process_ms), _ms(n.execute_ms))


def _ms(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"
