"""Storm's UI REST API: the routes below /api/v1, and /metrics.

    request -> access -> routes -> the handler's method -> Thrift struct -> a page -> JSON
               pure      shell     storm_compat.nimbus                     pure

Pages are plain functions from a struct to what is shown: `cluster`, `topology`, `component`, `visualization`,
with `texts` for what they have in common. `queries` and `orders` read what a client asks, `access` says who
may ask at all, `replies` is the form of every answer. `metrics` makes the page for Prometheus. `app` puts it
all together, with the logviewer. No page counts anything itself.
"""
