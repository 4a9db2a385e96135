"""A cluster, a topology, its counts: what Heronry does, in ten seconds.

    make demo            or: python examples/demo.py, with heronry and streamparse installed

Starts `heronry dev` on a root folder inside this checkout, submits the word count example, shows what it
counts, kills it and stops the cluster.  Every command is printed, so that it can be typed again.  In the end
it looks for processes that were left over; there must be none.
"""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent / ".heronry-demo"
NAME = "word_count"
START_WITHIN_S = 20.0
STOP_WITHIN_S = 20.0


class DemoError(Exception):
    """The demo cannot go on, or has not shown what it should."""


def heronry():
    """Return the path of the command: beside this Python, else on the PATH."""
    beside = Path(sys.executable).with_name("heronry")
    found = str(beside) if beside.exists() else shutil.which("heronry")
    if found is None:
        raise DemoError("there is no heronry command. Run this as: make demo")
    return found


class Demo:
    """One run; `stop` may be called at any time and cleans up whatever there is."""

    def __init__(self, root, seconds):
        self.root = root
        self.seconds = seconds
        self.counts = root / "counts"
        self.cluster = None
        self.topology_ids = set()
        self.cluster_log = root / "dev.out"
        self.environment = {**os.environ, "HERONRY_ROOT": str(root)}
        self.environment.pop("HERONRY_NIMBUS", None)

    def run(self):
        self.start_cluster()
        self.heronry("submit", HERE / NAME, "-o", f"word_count.result_file={self.counts}")
        executed = self.watch()
        self.heronry("kill", NAME, "--now", "--yes")
        if not executed:
            raise DemoError("the topology ran, but nothing was counted")

    def start_cluster(self):
        """Return when the cluster takes calls."""
        self.root.mkdir(parents=True)
        command = [heronry(), "dev", "--root", str(self.root), "--nimbus", "127.0.0.1:0", "--no-ui"]
        say_command(["heronry", *command[1:], "&"])
        with self.cluster_log.open("wb") as log:
            # A session of its own, so that Ctrl-C reaches only this process, which ends the cluster in order.
            self.cluster = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment,
                start_new_session=True,
            )  # fmt: skip
        began = time.monotonic()
        while not (self.root / "ready.json").exists():
            if self.cluster.poll() is not None:
                raise DemoError(f"the cluster ended with code {self.cluster.returncode}:\n{self.said()}")
            if time.monotonic() - began > START_WITHIN_S:
                raise DemoError(f"the cluster was not ready within {START_WITHIN_S:g} s:\n{self.said()}")
            time.sleep(0.05)
        ready = json.loads((self.root / "ready.json").read_text())
        print(f"The cluster was ready after {time.monotonic() - began:.1f} s, at {ready['nimbus']}\n")

    def said(self):
        """Return the last lines that the cluster printed."""
        try:
            return "\n".join(self.cluster_log.read_text(errors="replace").splitlines()[-20:])
        except OSError:
            return "(nothing)"

    def heronry(self, *arguments):
        """Run a command and show it; a failure ends the demo."""
        words = [str(a) for a in arguments]
        say_command(["heronry", *words])
        done = subprocess.run([heronry(), *words], env=self.environment, check=False)
        print()
        if done.returncode:
            raise DemoError(
                f"heronry {words[0]} ended with code {done.returncode}; the cluster said:\n{self.said()}"
            )

    def watch(self):
        """Show the counts once a second; return how many tuples the last bolt has executed."""
        say_command(["heronry", "status", NAME])
        executed, end, height = 0, time.monotonic() + self.seconds, 0
        while True:
            lines, executed = self.page()
            if height and sys.stdout.isatty():
                print(f"\x1b[{height}F\x1b[J", end="")
            print("\n".join(lines), flush=True)
            height = len(lines)
            if time.monotonic() >= end:
                print()
                return executed
            time.sleep(1.0)

    def page(self):
        """Return the counts as lines of text, and how many tuples `count` has executed."""
        command = [heronry(), "status", NAME, "--json"]
        done = subprocess.run(command, env=self.environment, check=False, capture_output=True, text=True)
        if done.returncode:
            raise DemoError(f"heronry status ended with code {done.returncode}: {done.stderr}")
        topology = json.loads(done.stdout)["topology"]
        self.topology_ids.add(topology["topology_id"])
        if topology["errors"]:
            newest = topology["errors"][0]
            raise DemoError(f"{newest['component']} has failed:\n{newest['text']}")
        sums = {}
        for executor in topology["executors"]:
            sums.setdefault(executor["component"], Counter()).update(
                {key: value or 0 for key, value in (executor["counts"] or {}).items() if key != "latency_ms"}
            )
        lines = [f"{'':16}{'emitted':>12}{'executed':>12}{'acked':>12}{'failed':>8}"]
        for component in ("sentence_spout", "split", "count"):
            of = sums.get(component, Counter())
            lines.append(
                f"{component:16}{of['emitted']:>12,}{of['executed']:>12,}{of['acked']:>12,}{of['failed']:>8,}"
            )
        lines.append("most frequent: " + (self.words() or "(not counted yet)"))
        return lines, sums.get("count", Counter())["executed"]

    def words(self):
        """Return the most frequent words so far, added up over the tasks of `count`."""
        total = Counter()
        for file in self.counts.glob("*.json"):
            total.update(json.loads(file.read_text(encoding="utf-8")))
        return ", ".join(f"{word} {count:,}" for word, count in total.most_common(5))

    def stop(self):
        """End the cluster, then remove the folder; complain about processes that are left, and end them."""
        self.topology_ids |= {folder.name for folder in (self.root / "topologies").glob("*")}
        if self.cluster is not None and self.cluster.poll() is None:
            say_command(["kill", "-INT", str(self.cluster.pid)])
            self.cluster.send_signal(signal.SIGINT)
            try:
                self.cluster.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.cluster.kill()
                self.cluster.wait()
                raise DemoError(
                    f"the cluster did not end within {STOP_WITHIN_S:g} s:\n{self.said()}"
                ) from None
            finally:
                self.check_nothing_left()
            if self.cluster.returncode:
                raise DemoError(f"the cluster ended with code {self.cluster.returncode}:\n{self.said()}")
        self.check_nothing_left()
        shutil.rmtree(self.root, ignore_errors=True)

    def check_nothing_left(self):
        """Raise if a process of this cluster lives on; kill it first."""
        left = processes_of(self.root, self.topology_ids)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if left:
            commands = "\n".join(f"  {pid}: {command}" for pid, command in left.items())
            raise DemoError(f"these processes were left over, and are killed now:\n{commands}")


def processes_of(root, topology_ids=()):
    """Return pid -> command line of the processes that belong to the cluster on ``root``.

    Containers and their components carry HERONRY_CONTAINER=.../topology id/container in their environment;
    nimbus and containers name the root on their command line.
    """
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # ended meanwhile, or somebody else's
        marks = [v for v in variables if v.startswith("HERONRY_CONTAINER=")]
        is_marked = any(f"/{topology_id}/" in mark for mark in marks for topology_id in topology_ids)
        if int(folder.name) != os.getpid() and (is_marked or ("--root" in command and str(root) in command)):
            found[int(folder.name)] = " ".join(command).strip()
    return found


def say_command(words):
    print(f"$ {shlex.join(words) if words[-1] != '&' else shlex.join(words[:-1]) + ' &'}", flush=True)


def main():
    """Return the exit code: 0 if words were counted and nothing is left over."""
    parser = argparse.ArgumentParser(description="Show what Heronry does.")
    parser.add_argument(
        "--root", type=Path, default=ROOT, help="folder of the cluster; it is removed in the end"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to count")
    arguments = parser.parse_args()
    root = arguments.root.absolute()
    if root.exists():
        if processes_of(root):
            print(f"demo: another demo seems to run on {root}", file=sys.stderr)
            return 1
        shutil.rmtree(root)
    # Python leaves SIGINT ignored where a shell started us in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    demo = Demo(root, arguments.seconds)
    code = 0
    try:
        demo.run()
    except DemoError as error:
        print(f"demo failed: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted, cleaning up", file=sys.stderr)
        code = 130
    try:
        demo.stop()
    except DemoError as error:
        print(f"demo failed: {error}", file=sys.stderr)
        code = code or 1
    if code == 0:
        print("Words were counted, everything has ended, and no process is left over.")
    return code


if __name__ == "__main__":
    sys.exit(main())
