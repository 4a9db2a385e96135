from __future__ import annotations

import pytest

from multilang.errors import UnknownSerializer
from multilang.serializer import Serializer, serializer_of

PYLEUS = "com.yelp.pyleus.serializer.MessagePackSerializer"


@pytest.mark.parametrize(
    ("command", "configured", "form"),
    [
        (("streamparse_run", "-s msgpack a.B"), None, Serializer.MSGPACK),
        (("streamparse_run", "-s", "msgpack", "a.B"), None, Serializer.MSGPACK),
        (("streamparse_run", "a.B --serializer=msgpack"), None, Serializer.MSGPACK),
        (("streamparse_run", "-s json a.B"), PYLEUS, Serializer.JSON),
        (("streamparse_run", "-s msgpackish a.B"), None, Serializer.JSON),
        (("python", "tools-s msgpack.py"), None, Serializer.JSON),
        (("sort", "-s unique"), None, Serializer.JSON),
        (("python", "x.py"), PYLEUS, Serializer.MSGPACK),
        (("python", "x.py"), "pystorm.serializers.msgpack_serializer.MsgpackSerializer", Serializer.MSGPACK),
        (("python", "x.py"), "org.apache.storm.multilang.JsonSerializer", Serializer.JSON),
        (("python", "x.py"), "backtype.storm.multilang.JsonSerializer", Serializer.JSON),
        (("python",), None, Serializer.JSON),
    ],
)
def test_the_command_counts_then_the_setting(
    command: tuple[str, ...], configured: str | None, form: Serializer
) -> None:
    assert serializer_of(command, configured) is form


def test_another_java_class_is_refused_by_name() -> None:
    with pytest.raises(UnknownSerializer, match=r"names org\.x\.Avro, which is Java code"):
        serializer_of(("python", "x.py"), "org.x.Avro")
