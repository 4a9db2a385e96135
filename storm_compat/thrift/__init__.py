"""Storm's Thrift interface: the definition, the check of incoming bytes and objects, and the server.

    frame -> wire_scan -> thriftpy2's decoder -> handler -> thriftpy2's encoder -> frame
                                                    |
                                                    +-- check, on what the client submitted

`server` is the shell; `wire_scan` and `check` decide and do no I/O; `idl` holds the classes. What the methods
mean is not known here.
"""


class ThriftError(Exception):
    """Base of what this folder raises on purpose. The remote side is at fault."""
