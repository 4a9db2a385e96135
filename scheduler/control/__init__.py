"""Rules of control: life cycle, when to try again, messages.

In here: tables and pure functions that nimbus and the topology process
both obey, and the messages between processes of one topology.  Not in here:
carrying any of it out; timers, processes, connections and the state store.
"""
