"""Talk with one component over Storm's multilang protocol.

    framing    bytes -> texts, one per message
    serializer msgpack    for components that speak MessagePack instead of JSON
    codec      text -> event, message -> bytes; tolerant where children are sloppy
    events     what a component can say, one class per fact
    session    who may speak when; the host's side of one conversation
    liveness   when to send a heartbeat, when to give a component up
    command    which program to run, where, with what environment
    process    the only file with a process in it

This room knows components, messages and pipes.  It refuses to know
topologies, groupings, containers, Thrift and networks.
"""
