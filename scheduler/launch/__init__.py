"""Start, watch and end containers: the protocol, and one module for each place that can run them.

In here: command lines, processes, engines and what they leave behind.  Not
in here: which containers should run and when to start one again (`control`
decides), and what runs inside them.
"""
