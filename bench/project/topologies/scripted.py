"""The same word count by components that know it by heart; environment `wide`: two tasks of each bolt."""

import sys
from typing import ClassVar

from streamparse import Grouping, ShellBolt, ShellSpout, Topology

BOLTS = {"narrow": 1, "wide": 2}


class Words(Topology):
    """Word count."""

    config: ClassVar = {"heronry.spout.window": 256}
    spout = ShellSpout.spec(command=sys.executable, script="scripted_spout.py", outputs=["sentence"])
    split = ShellBolt.spec(
        command=sys.executable,
        script="scripted_split.py",
        outputs=["word"],
        inputs={spout: Grouping.SHUFFLE},
        par=BOLTS,
    )
    count = ShellBolt.spec(
        command=sys.executable,
        script="scripted_count.py",
        outputs=["word", "count"],
        inputs={split: Grouping.fields("word")},
        par=BOLTS,
    )
