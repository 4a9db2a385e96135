"""Who may come in, and who may do what: the ways in to Nimbus, and the permissions of those who came.

    ways_in      configuration -> which doors at which addresses; refuses to open to strangers by accident
    doors        the doors themselves; reads the files that the configuration names: `jaas`, `tls`
    operations   Thrift method -> Storm's name for what it does, and whose business that is
    authorizer   principal, operation, topology's conf -> yes or no
    guard        asks before each call

`jaas`, `operations`, `authorizer` and `ways_in` decide and do no I/O.
"""
