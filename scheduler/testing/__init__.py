"""Runs topologies of Python classes in one process, for their authors' tests.

The stream managers are the real ones, so groupings, acks, timeouts and ticks
are; the components run in this process (`multilang.testing`), and time is
virtual.
"""
