"""The same word count, its components started as plain multilang commands: blocking.

Their library keeps task ids that come early and takes commands in turn, as storm.py does. The latter is known
for it, this one is not.
"""

import sys
from typing import ClassVar

from streamparse import Grouping, ShellBolt, ShellSpout, Topology


class Words(Topology):
    """Word count."""

    config: ClassVar = {"heronry.task.ids.ahead": True, "heronry.spout.window": 16}
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
