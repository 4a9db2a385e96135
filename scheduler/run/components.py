"""The components of a container: start them, move their bytes, see them die, start them anew.

What their bytes mean is the stream manager's business; when to start again
is `scheduler.control.backoff`'s.  A component that dies takes nothing with
it but its own tuples in flight, which fail at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from multilang import standin
from multilang.command import prepare
from multilang.errors import HeartbeatTimeout, MultilangError, ProcessExited, show_command
from multilang.library import recognize
from multilang.liveness import Liveness
from multilang.process import ShellProcess
from multilang.session import State
from scheduler.config import StreamConfig
from scheduler.context import shell_context
from scheduler.control.backoff import Backoff
from scheduler.run.line_limit import LineLimit
from scheduler.run.loop import HANG_UP, READ, WRITE, Loop
from scheduler.stream.local_task import LocalTask
from scheduler.stream.router import StreamManager

log = logging.getLogger(__name__)

_READ_BYTES = 64 * 1024
_TAIL_LINES = 20
_TAIL_BYTES = 4000
_LATE_START_S = 30.0
_EOF_GRACE_S = 1.0
_RESTART_GRACE_S = 2.0
MAX_UNREAD = 1_000_000  # messages for a component that reads nothing; about 100 MB
_LAST_READS = 64  # of what a dead component left in its pipes
CHECK_EVERY_S = 1.0


class ComponentRunner:
    """One task's component through all its lives."""

    def __init__(self, host: Components, local: LocalTask) -> None:
        self._host = host
        self.local = local
        self.process: ShellProcess | None = None
        self.state = "stopped"
        """starting, running, waiting or stopped; shown to people."""
        self.last_pid = 0
        """Of the life that log lines speak of, also after its end."""
        self.started_at = 0.0
        self.restart_count = 0
        self._backoff = Backoff()
        self._pidfd = -1
        self._is_paused = False
        self._stdin_broken = False
        self._is_restarting = False
        self._condemned_for = ""
        """Why it had to be killed; empty if it was not."""
        self._life = 0
        self._stderr_tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._stderr_rest = b""
        self._line_limit = LineLimit()
        config = host.manager.config[local.task]
        self.liveness = Liveness(config.silence_limit_s, 0.0)

    # -- life ---------------------------------------------------------------

    def start(self, now: float) -> None:
        """Start the component; whatever prevents it is reported and tried again later."""
        host, task = self._host, self.local.task
        component = host.manager.topology.component(self.local.component)
        self.state, self.started_at = "starting", now
        self._life += 1
        try:
            launch = prepare(
                component.command,
                cwd=host.resources if component.changes_directory else host.folder,
                inherited=os.environ,
                extra=host.environment(component.component),
                own=component.environment,
                own_bin=Path(sys.executable).parent,
            )
            self.process = process = ShellProcess(launch)
        except MultilangError as exc:
            self._retry(str(exc), lived_s=0.0, now=now)
            return
        self.last_pid = process.pid
        self._stdin_broken, self._is_restarting, self._condemned_for = False, False, ""
        self._stderr_tail.clear()
        self._stderr_rest = b""
        self.liveness = Liveness(host.manager.config[task].silence_limit_s, now)
        loop = host.loop
        loop.add(
            process.stdout, 0 if self._is_paused else READ, self._on_stdout, is_waiter=self.local.is_spout
        )
        loop.add(process.stderr, READ, self._on_stderr, is_waiter=False)
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):  # no descriptor left: its end shows in its output, too
                self._pidfd = os.pidfd_open(process.pid)
                loop.add(self._pidfd, READ, self._on_exit, is_waiter=True)
        manager = host.manager
        conf = {**manager.topology.component_conf(component), **host.conf_of_start(component.component)}
        is_stood_in = standin.is_in(launch.environment)
        library = recognize(component.command, host.resources, is_stood_in=is_stood_in)
        manager.open(task, conf, str(host.pid_dir), shell_context(manager.topology, task), library)
        life = self._life
        loop.call_at(now + _LATE_START_S, lambda _: self._complain_if_late(life))
        timeout_s = manager.config[task].start_timeout_s
        if timeout_s is not None:
            loop.call_at(now + timeout_s, lambda _: self._give_up_if_late(life, timeout_s))
        log.info("component started task=%d component=%s pid=%d", task, component.component, process.pid)

    def opened(self) -> None:
        """Note that the component answered the handshake, unless it was told to end meanwhile."""
        if self.state == "starting":
            self.state = "running"

    def kill(self, reason: str) -> None:
        """End a component that cannot go on; its death is then handled as any other, and says why."""
        if self.process is not None and not self._condemned_for:
            self._condemned_for = reason
            log.warning("component killed task=%d pid=%d reason=%s", self.local.task, self.last_pid, reason)
            self.process.kill()

    def restart(self, now: float) -> None:
        """Let the component end, and start it anew at once; that is no failure and not reported as one."""
        process = self.process
        if process is None or self.state == "stopped":
            return  # it is started later anyhow, or never
        self._is_restarting = True
        process.terminate()
        life = self._life

        def end(_: float) -> None:
            if life == self._life and self.process is not None:
                self.process.kill()

        self._host.loop.call_at(now + _RESTART_GRACE_S, end)

    def stop(self) -> None:
        """Ask the component to end for good; `is_gone` tells when it has."""
        self.state = "stopped"
        if self.process is not None and not self._stdin_broken:
            self._stdin_broken = True  # what comes from now on is for the next life, if there is one
            self._host.loop.remove(self.process.stdin)
            self.process.close_stdin()

    def terminate(self, *, hard: bool) -> None:
        """Signal the component's whole group."""
        if self.process is not None:
            self.process.kill() if hard else self.process.terminate()

    @property
    def is_gone(self) -> bool:
        """Whether no process of this task runs."""
        return self.process is None or self.process.poll() is not None

    def _on_exit(self, _events: int, now: float) -> None:
        process = self.process
        if process is None or process.poll() is None:
            return
        # What it wrote before it died still counts.
        for _ in range(_LAST_READS):
            if not self._read_stdout(now):
                break
        for _ in range(_LAST_READS):
            if not self._read_stderr(now):
                break
        exit_code = process.poll()
        process.kill()  # what it may have left in its group
        loop = self._host.loop
        for fd in (process.stdout, process.stderr, self._pidfd):
            loop.remove(fd)
        if not self._stdin_broken:  # else it is done, and the number may be another's by now
            loop.remove(process.stdin)
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        process.close()
        self.process = None
        self._host.manager.lose(self.local.task, now)
        with contextlib.suppress(OSError):
            (self._host.pid_dir / str(process.pid)).unlink()
        # Its last words, such as the error it ends of, come before the news of its end.
        self._host.obey_notices(now)
        if self.state == "stopped":
            return
        if self._is_restarting:
            self._is_restarting = False
            self.restart_count += 1
            self.start(now)
            return
        lived_s = now - self.started_at
        tail = self._tail()
        exited = ProcessExited(
            process.launch.command,
            cwd=str(process.launch.cwd),
            exit_code=exit_code,
            uptime_s=lived_s,
            stderr_tail=tail,
            reason=self._condemned_for,
        )
        self._retry(str(exited), lived_s=lived_s, now=now)

    def _retry(self, reason: str, *, lived_s: float, now: float) -> None:
        delay_s, self._backoff = self._backoff.ended(lived_s)
        self.restart_count += 1
        self.state = "waiting"
        text = f"{reason.rstrip()}\nStarted again in {delay_s:g} s (restart {self.restart_count})"
        self._host.report(self.local.task, text)
        self._host.loop.call_at(now + delay_s, self._start_again)

    def _start_again(self, now: float) -> None:
        if self.state == "waiting":
            self.start(now)

    def _complain_if_late(self, life: int) -> None:
        if life == self._life and self.state == "starting" and self.process is not None:
            command = show_command(self.process.launch.command)
            self._host.report(
                self.local.task,
                f"{command} has not answered the handshake for {_LATE_START_S:.0f} s; still waiting",
            )

    def _give_up_if_late(self, life: int, timeout_s: float) -> None:
        if life == self._life and self.state == "starting":
            limit = f"{timeout_s:g} s (heronry.multilang.start.timeout.secs)"
            self.kill(f"has not answered the handshake within {limit}")

    # -- bytes --------------------------------------------------------------

    def pause(self) -> None:
        """Stop reading the component's output."""
        self._is_paused = True
        if self.process is not None:
            self._host.loop.change(self.process.stdout, 0)

    def resume(self, now: float) -> None:
        """Read the component's output again."""
        self._is_paused = False
        self.liveness.hear(now)
        if self.process is not None:
            self._host.loop.change(self.process.stdout, READ)

    def watch_closely(self) -> None:
        """Look at the component even while others may wait."""
        if self.process is not None:
            self._host.loop.promote(self.process.stdout)

    def write(self) -> None:
        """Write what waits for the component, as far as its pipe takes it."""
        local, process = self.local, self.process
        if process is None or self._stdin_broken:
            local.collect()
            return
        while (data := local.take()) is not None:
            try:
                written = os.write(process.stdin, data)
            except BlockingIOError:
                written = 0
            except OSError:
                # It closed its input or died; its exit is handled when it comes.
                self._stdin_broken = True
                self._host.loop.remove(process.stdin)
                local.wrote(data, 0)
                return
            local.wrote(data, written)
            if written < len(data):
                self._want_write(process.stdin, is_wanted=True)
                return
        self._want_write(process.stdin, is_wanted=False)

    def _want_write(self, fd: int, *, is_wanted: bool) -> None:
        loop = self._host.loop
        if is_wanted is loop.has(fd):
            return
        if is_wanted:
            loop.add(fd, WRITE, self._on_stdin, is_waiter=True)
        else:
            loop.remove(fd)

    def _on_stdin(self, _events: int, now: float) -> None:
        self.write()
        self._host.manager.gates.measure(self.local, now)

    def _on_stdout(self, events: int, now: float) -> None:
        if events & READ and not self._is_paused:
            self._read_stdout(now)
        elif events & HANG_UP and self.process is not None:
            # Paused and hung up: poll would tell again and again. Its exit or the resume will read the rest.
            self._host.loop.remove(self.process.stdout)
            self._expect_exit(now)

    def _read_stdout(self, now: float) -> bool:
        process = self.process
        assert process is not None
        data = _read(process.stdout)
        if data is None:
            return False
        if not data:
            self._host.loop.remove(process.stdout)
            self._expect_exit(now)
            return False
        self.liveness.heard_s = now
        self._host.count(self._host.manager.receive(self.local.task, data, now))
        return True

    def _expect_exit(self, now: float) -> None:
        """A component that closes its output is of no use: end it if it does not do so itself."""
        life = self._life

        def end(then: float) -> None:
            if life != self._life or self.process is None:
                return
            if self.process.poll() is None:
                self.kill("closed its standard output but went on running")
            self._host.loop.call_at(then + 0.05, lambda later: self._on_exit(0, later))

        self._host.loop.call_at(now + (_EOF_GRACE_S if self._pidfd >= 0 else 0.05), end)

    def write_line(self, label: str, text: bytes, now: float) -> None:
        """Put a line of the component into the log, unless there have been too many."""
        if not self._line_limit.admits(now):
            return
        if left_out := self._line_limit.take_left_out():
            self._host.write_line(self.local, label, b"(%d lines before this one were left out)" % left_out)
        self._host.write_line(self.local, label, text)

    def _on_stderr(self, _events: int, now: float) -> None:
        self._read_stderr(now)

    def _read_stderr(self, now: float) -> bool:
        process = self.process
        assert process is not None
        data = _read(process.stderr)
        if data is None:
            return False
        if not data:
            self._host.loop.remove(process.stderr)
            return False
        *lines, rest = (self._stderr_rest + data).split(b"\n")
        # A line without end must not grow without bound.
        self._stderr_rest = rest[-_READ_BYTES:]
        for line in lines:
            self._stderr_tail.append(line)
            self.write_line("stderr", line, now)
        return True

    def _tail(self) -> str:
        lines = [*self._stderr_tail, self._stderr_rest] if self._stderr_rest else list(self._stderr_tail)
        return b"\n".join(lines)[-_TAIL_BYTES:].decode("utf-8", errors="replace").strip()

    # -- each second --------------------------------------------------------

    def check(self, now: float) -> None:
        """See what ended unheard; ask what is silent for a sign of life; end what is silent too long."""
        local, manager = self.local, self._host.manager
        if self._pidfd < 0:
            self._on_exit(0, now)  # nothing else may have told of its end
        if len(local.urgent) > MAX_UNREAD:
            self.kill(
                f"does not read its input: {len(local.urgent)} answers to its emits wait. "
                "Let it read them, or emit with need_task_ids false"
            )
            return
        if local.session.state is not State.OPEN:
            return
        is_idle_spout = local.is_spout and local.session.outstanding == 0
        if is_idle_spout or self._is_paused:
            self.liveness.hear(now)
        elif self.liveness.is_dead(now):
            idle_s = now - self.liveness.heard_s
            self.kill(str(HeartbeatTimeout(idle_s=idle_s, limit_s=self.liveness.limit_s)))
            self.liveness.hear(now)
        elif not local.is_spout and self.liveness.wants_heartbeat(now):
            manager.heartbeat(local.task)


class Components:
    """All components of the container, and what they share."""

    def __init__(
        self,
        loop: Loop,
        manager: StreamManager,
        *,
        resources: Path,
        folder: Path,
        pid_dir: Path,
        report: Callable[[int, str], None],
        write_line: Callable[[LocalTask, str, bytes], None],
        obey_notices: Callable[[float], None],
        conf_of_start: Callable[[str], Mapping[str, str]] = lambda _: {},
    ) -> None:
        """Args: conf_of_start: what is laid over the conf of a component that starts now."""
        self.loop = loop
        self.manager = manager
        self.resources = resources
        self.folder = folder
        self.pid_dir = pid_dir
        self.report = report
        self.write_line = write_line
        self.obey_notices = obey_notices
        self.conf_of_start = conf_of_start
        self.reads = 0
        self.messages = 0
        self.runners = {task: ComponentRunner(self, local) for task, local in manager.tasks.items()}
        self._started: set[int] = set()
        self._checked_at: float | None = None

    def environment(self, component: str) -> Mapping[str, str]:
        """Return what the topology adds to the environment of a component."""
        conf = self.manager.topology.component_conf(self.manager.topology.component(component))
        given = conf.get("topology.environment")
        extra = {str(k): str(v) for k, v in given.items()} if isinstance(given, Mapping) else {}
        if StreamConfig.from_conf(conf).is_accelerated:
            extra |= standin.environment({**os.environ, **extra})
        return extra

    def start_all(self, now: float, *, but: Collection[int] = ()) -> None:
        """Start every component once, ``but`` those of some tasks."""
        for task in sorted(self.runners.keys() - self._started - {*but}):
            self._started.add(task)
            self.runners[task].start(now)

    def waiting(self) -> frozenset[int]:
        """Return the tasks whose component has never been started here."""
        return frozenset(self.runners.keys() - self._started)

    def add(self, task: int) -> None:
        """Take up a task that is new here."""
        self.runners[task] = ComponentRunner(self, self.manager.tasks[task])

    def start_anew(self, task: int, now: float) -> None:
        """Start the component of a task again that was stopped, as if it were the first time."""
        if task in self._started:
            self.runners[task].start(now)

    def remove(self, task: int) -> None:
        """Forget a task whose component is gone and will not come back here."""
        del self.runners[task]
        self._started.discard(task)

    def restart_all(self, now: float) -> None:
        """Start every component anew."""
        for runner in self.runners.values():
            runner.restart(now)

    def count(self, messages: int) -> None:
        """Count a read and the messages it brought, for the polling rule."""
        self.reads += 1
        self.messages += messages

    def check_all(self, now: float) -> None:
        """Look after every component; called every `CHECK_EVERY_S`, or later if we could not."""
        late_s = 0.0 if self._checked_at is None else now - self._checked_at - CHECK_EVERY_S
        self._checked_at = now
        for runner in self.runners.values():
            if late_s > 0:
                runner.liveness.excuse(late_s, now)
            runner.check(now)

    def stop_all(self, *, grace_s: float) -> None:
        """End all components: end of input, then a request, then force; returns when they are gone."""
        for runner in self.runners.values():
            runner.stop()
        started = time.monotonic()
        asked = False
        while not all(runner.is_gone for runner in self.runners.values()):
            waited_s = time.monotonic() - started
            if waited_s > grace_s:
                break
            if waited_s > grace_s / 4 and not asked:
                asked = True
                for runner in self.runners.values():
                    runner.terminate(hard=False)
            time.sleep(0.005)
        for runner in self.runners.values():
            # Also where the component itself is gone: its children may not be.
            runner.terminate(hard=True)


def _read(pipe: int) -> bytes | None:
    """Return what a pipe has: None for nothing now, empty for its end."""
    try:
        return os.read(pipe, _READ_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""
