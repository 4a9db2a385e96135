"""The same word count, its components started as plain multilang commands: blocking."""

import sys

from streamparse import Grouping, ShellBolt, ShellSpout, Topology


class Words(Topology):
    """Word count."""

    spout = ShellSpout.spec(command=sys.executable, script="blocking_spout.py", outputs=["sentence"])
    split = ShellBolt.spec(
        command=sys.executable, script="blocking_split.py", outputs=["word"], inputs={spout: Grouping.SHUFFLE}
    )
    count = ShellBolt.spec(
        command=sys.executable,
        script="blocking_count.py",
        outputs=["word", "count"],
        inputs={split: Grouping.fields("word")},
    )
