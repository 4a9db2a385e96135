"""The processes of a topology: one module for each, and the sockets, pipes and logs they share.

In here: shells; they read, ask a core, carry out, repeat.  Not in here: an
`if` about topologies or tuples (move it to the core), and anything that
another folder of this room would import.
"""
