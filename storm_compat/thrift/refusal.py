"""What ends a connection on purpose."""

from storm_compat.thrift import ThriftError


class Refused(ThriftError):
    """The connection cannot go on; ``reply`` is a last message, if there is one the client could read.

    Empty: it is on its way already.
    """

    def __init__(self, reason: str, reply: bytes | None = None) -> None:
        super().__init__(reason)
        self.reply = reply
