"""Storm's logviewer: logs of workers and of nimbus over HTTP, as pages, downloads and searches.

    files    finds and opens a log by the name a client gave; never leaves the log folder
    pages    what part of a log is shown, and the page around it     pure
    search   finds a text in a log, within a time
    routes   the routes below /api/v1

Reading and searching is done in threads of its own, a piece at a time: a log may be larger than the memory.
"""
