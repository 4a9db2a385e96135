"""What thriftpy2 lets through and `check` does not; every object goes over the wire once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.thrift import TPayload
from thriftpy2.transport import TCyMemoryBuffer

from storm_compat.thrift import idl
from storm_compat.thrift.check import CheckError, check

storm: Any = idl.load()


def received(payload: TPayload) -> TPayload:
    """Return what the other side decodes."""
    buffer = TCyMemoryBuffer()
    payload.write(TCyBinaryProtocol(buffer))
    copy = type(payload)()
    copy.read(TCyBinaryProtocol(TCyMemoryBuffer(buffer.getvalue()), strict_decode=True))
    return copy


def topology() -> Any:
    def common(inputs: dict[Any, Any]) -> Any:
        return storm.ComponentCommon(
            inputs=inputs, streams={"default": storm.StreamInfo(output_fields=["word"], direct=False)}
        )

    shell = storm.ShellComponent(execution_command="python3", script="count.py")
    word_stream = storm.GlobalStreamId(componentId="words", streamId="default")
    grouping = storm.Grouping(shuffle=storm.NullStruct())
    return storm.StormTopology(
        spouts={
            "words": storm.SpoutSpec(
                spout_object=storm.ComponentObject(serialized_java=b"\xac\xed"), common=common({})
            )
        },
        bolts={
            "count": storm.Bolt(
                bolt_object=storm.ComponentObject(shell=shell), common=common({word_stream: grouping})
            )
        },
        state_spouts={},
    )


def test_a_complete_topology_passes() -> None:
    check(received(topology()), "topology")


def drop_stream_map(it: Any) -> None:
    it.bolts["count"].common.streams = None


def drop_spout_map(it: Any) -> None:
    it.spouts = None


def drop_direct_flag(it: Any) -> None:
    it.spouts["words"].common.streams["default"].direct = None


def drop_source_component(it: Any) -> None:
    it.bolts["count"].common.inputs = {
        storm.GlobalStreamId(streamId="default"): storm.Grouping(all=storm.NullStruct())
    }


def empty_component(it: Any) -> None:
    it.bolts["count"].bolt_object = storm.ComponentObject()


def two_components_in_one(it: Any) -> None:
    it.bolts["count"].bolt_object.serialized_java = b"\xac\xed"


def empty_grouping(it: Any) -> None:
    stream = storm.GlobalStreamId(componentId="words", streamId="default")
    it.bolts["count"].common.inputs = {stream: storm.Grouping()}


def empty_argument(it: Any) -> None:
    arguments = [storm.JavaObjectArg(int_arg=0), storm.JavaObjectArg()]
    java = storm.JavaObject(full_class_name="Words", args_list=arguments)
    it.spouts["words"].spout_object = storm.ComponentObject(java_object=java)


@pytest.mark.parametrize(
    ("spoil", "path", "reason"),
    [
        (drop_stream_map, "topology.bolts['count'].common.streams", "is required, but not set"),
        (drop_spout_map, "topology.spouts", "is required, but not set"),
        (
            drop_direct_flag,
            "topology.spouts['words'].common.streams['default'].direct",
            "is required, but not set",
        ),
        (
            drop_source_component,
            (
                "topology.bolts['count'].common.inputs key "
                "GlobalStreamId(componentId=None, streamId='default').componentId"
            ),
            "is required, but not set",
        ),
        (
            empty_component,
            "topology.bolts['count'].bolt_object",
            "needs exactly one of serialized_java, shell, java_object; set: none",
        ),
        (
            two_components_in_one,
            "topology.bolts['count'].bolt_object",
            "needs exactly one of serialized_java, shell, java_object; set: serialized_java and shell",
        ),
        (
            empty_grouping,
            "topology.bolts['count'].common.inputs[GlobalStreamId(componentId='words', streamId='default')]",
            (
                "needs exactly one of fields, shuffle, all, none, direct, custom_object, custom_serialized, "
                "local_or_shuffle; set: none"
            ),
        ),
        (
            empty_argument,
            "topology.spouts['words'].spout_object.java_object.args_list[1]",
            "needs exactly one of int_arg, long_arg, string_arg, bool_arg, binary_arg, double_arg; set: none",
        ),
    ],
)
def test_a_spoilt_topology_is_refused_with_the_path_to_the_fault(
    spoil: Callable[[Any], None], path: str, reason: str
) -> None:
    spoilt = topology()
    spoil(spoilt)
    with pytest.raises(CheckError) as caught:
        check(received(spoilt), "topology")
    assert (caught.value.path, caught.value.reason) == (path, reason)
    assert str(caught.value) == f"{path} {reason}"


def test_an_unknown_enum_value_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CheckError) as caught:
        check(received(storm.SubmitOptions(initial_status=7)), "options")
    assert str(caught.value) == "options.initial_status is 7; known values are 1 (ACTIVE), 2 (INACTIVE)"


def test_a_known_enum_value_passes_even_if_it_is_zero() -> None:
    check(received(storm.GetInfoOptions(num_err_choice=storm.NumErrorsChoice.ALL)), "options")


def test_an_optional_field_may_be_missing_but_not_be_broken_inside() -> None:
    status = storm.TopologyInitialStatus.ACTIVE
    check(received(storm.SubmitOptions(initial_status=status)), "options")
    with pytest.raises(CheckError) as caught:
        check(received(storm.SubmitOptions(initial_status=status, creds=storm.Credentials())), "options")
    assert caught.value.path == "options.creds.creds"


def test_arms_that_are_empty_or_zero_count_as_set() -> None:
    check(received(storm.Grouping(fields=[])), "grouping")
    check(received(storm.JavaObjectArg(bool_arg=False)), "argument")


def test_items_of_a_list_are_checked() -> None:
    entry = storm.AccessControl(type=3, access=7)
    with pytest.raises(CheckError) as caught:
        check(received(storm.SettableBlobMeta(acl=[entry])), "meta")
    assert str(caught.value) == "meta.acl[0].type is 3; known values are 1 (OTHER), 2 (USER)"


def test_a_long_component_name_does_not_blow_up_the_message() -> None:
    spoilt = topology()
    spoilt.bolts = {"x" * 100_000: storm.Bolt(bolt_object=storm.ComponentObject())}
    with pytest.raises(CheckError) as caught:
        check(received(spoilt), "topology")
    assert len(str(caught.value)) < 300
