"""The room that looks like Storm from outside: Nimbus, DRPC, REST, UI, logs, command line.

Everything a Storm client can see is decided here: wire names, messages of errors, numbers on pages. The room
refuses to know how tuples move. It imports `scheduler` and `multilang`; neither ever imports it.
"""
