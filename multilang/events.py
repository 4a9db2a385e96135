"""What a component can say, one class per fact.

The first group is decoded straight from JSON, a message at a time, so its
classes are msgspec structs without garbage-collector tracking; `codec` says
how.  The values of a tuple stay the text they came as: the router passes
them on without looking.
"""

from __future__ import annotations

from typing import Annotated, final

import msgspec

DEFAULT_STREAM = "default"
_ABSENT = msgspec.Raw(b"")


class Spoken(msgspec.Struct, frozen=True, gc=False, tag_field="command"):
    """Base of what one JSON message turns into."""


@final
class Emit(Spoken, frozen=True, gc=False, tag="emit"):
    """A tuple. ``direct_task`` 0 means: the groupings choose."""

    values: msgspec.Raw = msgspec.field(name="tuple", default=msgspec.Raw(b"[]"))
    stream: Annotated[str, msgspec.Meta(min_length=1)] = DEFAULT_STREAM
    anchors: list[int] = msgspec.field(default_factory=list)
    message_id: msgspec.Raw = msgspec.field(name="id", default=_ABSENT)
    """Spouts: any JSON value, echoed byte for byte; empty or ``null`` means unreliable."""

    direct_task: int = msgspec.field(name="task", default=0)
    wants_task_ids: bool = msgspec.field(name="need_task_ids", default=True)


@final
class Ack(Spoken, frozen=True, gc=False, tag="ack"):
    """A bolt is done with the tuple of that delivery id."""

    delivery: int = msgspec.field(name="id")


@final
class Fail(Spoken, frozen=True, gc=False, tag="fail"):
    """A bolt gives up on the tuple of that delivery id."""

    delivery: int = msgspec.field(name="id")


@final
class Sync(Spoken, frozen=True, gc=False, tag="sync"):
    """A spout has finished its command; a bolt is alive."""


@final
class Log(Spoken, frozen=True, gc=False, tag="log"):
    """A line for the log. Levels: 0 trace, 1 debug, 2 info, 3 warn, 4 error."""

    text: str = msgspec.field(name="msg", default="")
    level: Annotated[int, msgspec.Meta(ge=0, le=4)] = 2


@final
class ErrorReported(Spoken, frozen=True, gc=False, tag="error"):
    """Something went wrong that the component survives, or that it dies of next."""

    text: str = msgspec.field(name="msg", default="")


@final
class Metric(Spoken, frozen=True, gc=False, tag="metrics"):
    """A value for a metric of the component's own."""

    name: str = ""
    params: msgspec.Raw = _ABSENT


AnySpoken = Emit | Ack | Fail | Sync | Log | ErrorReported | Metric


@final
class Ready(msgspec.Struct, frozen=True):
    """The component has answered the handshake."""

    pid: int
    """As it says itself; 0 if it does not say."""


@final
class Noise(msgspec.Struct, frozen=True):
    """Output that is no message, such as that of a ``print``; passed over, but shown."""

    text: str


@final
class Oddity(msgspec.Struct, frozen=True):
    """A message that Storm would die of and we do not; ``text`` tells the author what to mend."""

    text: str


Event = AnySpoken | Ready | Noise | Oddity
