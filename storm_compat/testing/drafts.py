"""Topologies of Python classes, as tests have them: a streamparse Topology class, or a simple description.

    {"numbers": spout(Numbers, ["n"]), "sums": bolt(Sums, {"numbers": "shuffle"}, ["sum"], par=2)}

Both become a StormTopology, the very thing that a client would submit, so
that all of Storm's checks hold; and component id -> class, to run it here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from multilang.testing import TestingError
from multilang.testing.component_run import Streams, declared_streams
from storm_compat.client import decode_topology
from storm_compat.thrift import idl

_GROUPINGS = ("shuffle", "all", "none", "direct", "local_or_shuffle")


@dataclass(frozen=True, slots=True)
class Part:
    """One component of a description; made by `spout` and `bolt`."""

    component_class: type
    inputs: Mapping[str, str | Sequence[str]] | None
    """None: a spout."""

    streams: Mapping[str, Sequence[str]]
    direct_streams: Sequence[str] = ()
    par: int = 1
    conf: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A topology that can be played, or submitted."""

    name: str
    code: Any
    """The StormTopology."""

    classes: Mapping[str, type]
    conf: Mapping[str, Any]


def spout(
    component_class: type,
    outputs: Sequence[Any] | Streams | None = None,
    *,
    direct: Sequence[str] = (),
    par: int = 1,
    conf: Mapping[str, Any] | None = None,
) -> Part:
    """Return a spout for a description.

    Args:
        component_class: on pystorm, streamparse or `multilang.client`.
        outputs: fields of the default stream, or stream -> fields; None: the class's own `outputs`.
        direct: which of its streams are direct.
        par: how many tasks.
        conf: of this component.

    Raises:
        TestingError: it is no class of a spout.
    """
    _check_class(component_class, is_spout=True)
    return Part(component_class, None, _streams(component_class, outputs), direct, par, conf or {})


def bolt(
    component_class: type,
    inputs: Mapping[str, str | Sequence[str]],
    outputs: Sequence[Any] | Streams | None = None,
    *,
    direct: Sequence[str] = (),
    par: int = 1,
    conf: Mapping[str, Any] | None = None,
) -> Part:
    """Return a bolt for a description; as `spout`.

    Args:
        inputs: component, or component:stream, -> shuffle, all, global, none, direct, local_or_shuffle, or
            the list of fields to group by.

    Raises:
        TestingError: it is no class of a bolt, or an input is not named so.
    """
    _check_class(component_class, is_spout=False)
    sources: list[object] = [*inputs]
    for source in sources:
        if not isinstance(source, str):
            raise TestingError(f"inputs are named 'component' or 'component:stream', not {source!r}")
    return Part(component_class, inputs, _streams(component_class, outputs), direct, par, conf or {})


def draft(topology: Any, *, name: str | None = None, environment: str | None = None) -> Draft:
    """Return what a test has given as its topology.

    Args:
        topology: a streamparse Topology class, or a description.
        name: of the topology; None: its class's, or "test".
        environment: for ``par`` of a streamparse topology, where that differs by environment.

    Raises:
        TestingError: it is neither, or names what does not exist.
    """
    if isinstance(topology, Mapping):
        return _described(topology, name or "test")
    if hasattr(topology, "thrift_topology") and hasattr(topology, "specs"):
        return _of_streamparse(topology, name or topology.__name__, environment)
    raise TestingError(
        f"{topology!r} is no topology: it must be a class derived from streamparse.Topology, or a dict of "
        "component id -> spout(...) or bolt(...)"
    )


def _of_streamparse(topology: Any, name: str, environment: str | None) -> Draft:
    written = io.BytesIO()
    pars = [(spec, spec.common.parallelism_hint) for spec in topology.specs]
    try:
        for spec, par in pars:
            if isinstance(par, dict):
                if environment not in par:
                    raise TestingError(
                        f"{spec.name} has a parallelism for {', '.join(par)}: say which with environment=..."
                    )
                spec.common.parallelism_hint = par[environment]
        topology.write(written)
    finally:
        for spec, par in pars:
            spec.common.parallelism_hint = par
    foreign = [spec.name for spec in topology.specs if spec.component_object.shell is None]
    if foreign:
        raise TestingError(f"only Python components can be run here; these are none: {', '.join(foreign)}")
    classes = {spec.name: spec.component_cls for spec in topology.specs}
    conf = json.loads(json.dumps(topology.config))
    return Draft(name, decode_topology(written.getvalue()), classes, conf)


def _described(parts: Mapping[str, Any], name: str) -> Draft:
    storm = idl.load()
    spouts, bolts = {}, {}
    for component, part in parts.items():
        if not isinstance(part, Part):
            raise TestingError(f"{component!r} must be made with spout(...) or bolt(...), and is {part!r}")
        streams = {
            stream: storm.StreamInfo(list(fields), stream in part.direct_streams)
            for stream, fields in part.streams.items()
        }
        inputs = {_source(source): _grouping(component, how) for source, how in (part.inputs or {}).items()}
        common = storm.ComponentCommon(inputs, streams, part.par, json.dumps(dict(part.conf)))
        # As streamparse starts it.
        script = f"{part.component_class.__module__}.{part.component_class.__qualname__}"
        program = storm.ComponentObject(shell=storm.ShellComponent("streamparse_run", script))
        if part.inputs is None:
            spouts[component] = storm.SpoutSpec(program, common)
        else:
            bolts[component] = storm.Bolt(program, common)
    code = storm.StormTopology(spouts=spouts, bolts=bolts, state_spouts={})
    return Draft(name, code, {c: part.component_class for c, part in parts.items()}, {})


def _source(source: str) -> Any:
    component, _, stream = source.partition(":")
    return idl.load().GlobalStreamId(component, stream or "default")


def _grouping(component: str, how: str | Sequence[str]) -> Any:
    storm = idl.load()
    if not isinstance(how, str):
        return storm.Grouping(fields=list(how))
    if how == "global":
        return storm.Grouping(fields=[])
    if how not in _GROUPINGS:
        raise TestingError(
            f"{component!r} has no grouping {how!r}: it is one of {', '.join((*_GROUPINGS, 'global'))}, or "
            "the list of fields to group by"
        )
    return storm.Grouping(**{how: storm.NullStruct()})


def _check_class(component_class: object, *, is_spout: bool) -> None:
    if not isinstance(component_class, type):
        raise TestingError(
            f"{component_class!r} is an object; give its class, {type(component_class).__name__}"
        )
    if hasattr(component_class, "next_tuple") is not is_spout:
        said, meant = ("spout", "bolt") if is_spout else ("bolt", "spout")
        raise TestingError(f"{component_class.__name__} is no {said}; say {meant}(...) if it is a {meant}")


def _streams(component_class: type, outputs: Sequence[Any] | Streams | None) -> dict[str, list[str]]:
    if outputs is None:
        outputs = getattr(component_class, "outputs", None)
    return declared_streams(outputs) or {}
