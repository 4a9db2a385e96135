"""The topology master's mind: who has registered, which physical plan that makes, what the counters say.

In here: conclusions from what the containers of one topology report, as
events in and commands out.  Not in here: connections, processes, clocks,
logs, tuples, and what nimbus' clients want to see of it.
"""
