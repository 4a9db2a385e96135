"""The `heronry` command: one module per group of commands.

    main          the names of all commands; imports a command's module only when it is asked for
    exit_codes    what the command's exit code says
    settings      which cluster is meant: options, environment, ready.json
    connect       a connection to it, and its errors as the user reads them
    output        text, tables and JSON on stdout; everything else on stderr
    dev           a cluster in the foreground
    submit        prepare, project, jar, interpreter, load_topology: from a folder of sources to a submission
    status        pages
    logs          tail
    listing lifecycle config version completion

`storm_compat.client` talks to Nimbus. Like any other client, nothing here looks into the state of a cluster;
only `dev` and `logs` know the layout of a root folder. `--help` must stay fast, so what a command's module
imports at its top is nothing heavier than click.
"""
