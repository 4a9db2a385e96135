"""The real topology process, whose containers are `fake_container`s; takes its arguments."""

from __future__ import annotations

import sys
from pathlib import Path

from scheduler.launch.local import LocalLauncher
from scheduler.layout import Layout
from scheduler.run.topology import main

if __name__ == "__main__":
    root = sys.argv[sys.argv.index("--root") + 1]

    def argv(topology_id: str, container_id: int) -> list[str]:
        fake = "tests.scheduler.run.fake_container"
        return [sys.executable, "-m", fake, root, topology_id, str(container_id)]

    sys.exit(main(sys.argv[1:], launcher=LocalLauncher(Layout(Path(root)), argv=argv)))
