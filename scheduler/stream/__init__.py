"""The stream manager's mind: which tuple goes to which task, what is acked, who is held back.

In here: routing, groupings, acks, flow control and the links to other
containers, as bytes and events in, bytes and commands out; the only folder
on a tuple's way, so its costs are counted per tuple.  Not in here: sockets,
pipes, clocks, logs, the state store.
"""
