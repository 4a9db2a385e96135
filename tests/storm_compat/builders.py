"""Thrift topologies and jars, as clients send them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storm_compat.thrift import idl

JAVA_OBJECTS = Path(__file__).parents[1] / "multilang" / "java_objects"
DEFAULT = {"default": ("word",)}


def common(
    inputs: Mapping[tuple[str, str], Any] | None = None,
    streams: Mapping[str, tuple[str, ...]] = DEFAULT,
    hint: int | None = 1,
    conf: Any = None,
) -> Any:
    storm = idl.load()
    return storm.ComponentCommon(
        inputs={storm.GlobalStreamId(*source): grouping for source, grouping in (inputs or {}).items()},
        streams={stream: storm.StreamInfo(list(fields), False) for stream, fields in streams.items()},
        parallelism_hint=hint,
        json_conf=json.dumps(conf) if conf is not None else None,
    )


def shell(command: str | None = "streamparse_run", script: str | None = "-s json bolts.x.X") -> Any:
    storm = idl.load()
    return storm.ComponentObject(shell=storm.ShellComponent(command, script))


def java_part(version: str, name: str) -> Any:
    """Return one of the samples in tests/multilang/java_objects."""
    data = (JAVA_OBJECTS / f"storm-{version}" / f"{name}.ser").read_bytes()
    return idl.load().ComponentObject(serialized_java=data)


def spout(common_part: Any = None, part: Any = None) -> Any:
    return idl.load().SpoutSpec(part or shell(), common_part or common())


def bolt(common_part: Any = None, part: Any = None) -> Any:
    return idl.load().Bolt(part or shell(), common_part or common())


def grouping(arm: str, value: Any = None) -> Any:
    storm = idl.load()
    return storm.Grouping(**{arm: storm.NullStruct() if value is None else value})


def topology(spouts: Mapping[str, Any], bolts: Mapping[str, Any] | None = None, **more: Any) -> Any:
    return idl.load().StormTopology(spouts=dict(spouts), bolts=dict(bolts or {}), state_spouts={}, **more)


def word_count() -> Any:
    """Two tasks of ``count``, one of ``words``: the smallest topology with a grouping by fields."""
    inputs = {("words", "default"): grouping("fields", ["word"])}
    return topology({"words": spout()}, {"count": bolt(common(inputs, {"default": ("word", "n")}, hint=2))})


def jar(path: Path, files: Mapping[str, bytes | str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (files if files is not None else {"resources/bolts/x.py": "print()\n"}).items():
            archive.writestr(name, data)
    return path
