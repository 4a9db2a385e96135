"""Place, run and connect the tasks of a topology.

    topology   what was submitted, in our own words      plan      which task lives where
    layout     where files lie below a cluster's root    errors    all of this room

    packing/   topology -> packing plan                          cores: they decide, without
    stream/    which tuple goes where, and who must wait         I/O, clock or log
    master/    what the topology process concludes
    control/   life cycle, restart delays, control messages

    state/     a durable tree of small documents                 edges: protocols, and one
    launch/    start, watch and end containers                   module for each way to do it

    run/       the processes: read, ask a core, carry out        shells, above all others

This room knows tasks, streams, containers and how tuples move.  It refuses
to know Thrift, HTTP and Storm's wire names (`storm_compat` translates), and
how a component speaks (`multilang` does).
"""
