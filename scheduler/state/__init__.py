"""The durable tree of small documents: its protocol, one module for each place to keep it, the records in it.

In here: how documents are stored, versioned and locked, and their types and
paths.  Not in here: what a change of a document means, tuples, jars, logs,
anything above 512 KiB.
"""
