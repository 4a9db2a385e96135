"""`heronry dev` as a real process: where it says it is, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from storm_compat.cli import main
from storm_compat.cli.exit_codes import ExitCode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

REPOSITORY = Path(__file__).parents[3]
HTTP = ["--ui", "127.0.0.1:0"]
COMMAND = [sys.executable, "-c", "from storm_compat.cli.main import main; main()"]


@pytest.fixture
def dev(tmp_path):
    """Return a function that starts a cluster on a root, and what it said when it was ready."""
    started = []

    def start(*arguments, before=(), without=()):
        http = [word for word in HTTP if word not in without]
        process = subprocess.Popen(
            [
                *(*before, *COMMAND, "dev", "--root", tmp_path / "root", "--nimbus", "127.0.0.1:0"),
                *(*http, *arguments),
            ],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()


def document(process):
    """Return the JSON document that the process prints first."""
    lines = []
    while not lines or lines[-1] != "}\n":
        line = process.stdout.readline()
        assert line, process.stderr.read()
        lines.append(line)
    return json.loads("".join(lines))


def marked(topology_id):
    """Return pid -> mark of all processes of a topology, components included."""
    found = {
        p.pid: (p.info["environ"] or {}).get("HERONRY_CONTAINER", "")
        for p in psutil.process_iter(["environ"])
    }
    return {pid: mark for pid, mark in found.items() if f"/{topology_id}/" in mark}


def run(capsys, *arguments):
    capsys.readouterr()
    return main.run([str(a) for a in arguments]), capsys.readouterr()


def test_it_says_where_it_is_answers_there_and_ends_in_order(dev, tmp_path, capsys):
    cluster = dev("--json")
    said = document(cluster)
    assert said["pid"] == cluster.pid
    assert said["root"] == str(tmp_path / "root")
    code, shown = run(capsys, "list", "--nimbus", said["nimbus"], "--json")
    assert (code, json.loads(shown.out)) == (0, {"topologies": []})
    cluster.send_signal(signal.SIGINT)
    out, err = cluster.communicate(timeout=60)
    assert (cluster.returncode, out) == (0, "")
    assert err.split("\n")[-2] == "Stopped."
    assert not (tmp_path / "root" / "ready.json").exists()
    assert "nimbus accepts calls" in Path(said["log"]).read_text()


def test_a_person_is_told_what_to_type_next(dev):
    cluster = dev()
    lines = [cluster.stdout.readline() for _ in range(8)]
    address = lines[0].removeprefix("Nimbus listens on ").partition(". Ctrl-C")[0]
    assert f"  export HERONRY_NIMBUS={address}\n" in lines
    assert any(line.startswith("  heronry submit PATH") for line in lines)
    cluster.terminate()
    assert cluster.wait(60) == 0


def test_ctrl_c_ends_it_also_when_nobody_reads_what_it_says(dev, tmp_path):
    cluster = dev("--json")
    document(cluster)
    cluster.stderr.close()
    cluster.send_signal(signal.SIGINT)
    assert cluster.wait(60) is not None
    assert "nimbus ends" in (tmp_path / "root" / "logs" / "nimbus.log").read_text()


def test_a_closed_terminal_ends_it(dev, tmp_path):
    cluster = dev("--json")
    document(cluster)
    cluster.send_signal(signal.SIGHUP)
    assert cluster.wait(60) == 0
    assert not (tmp_path / "root" / "ready.json").exists()


def test_under_nohup_it_outlives_the_terminal(dev):
    cluster = dev("--json", before=["nohup"])
    document(cluster)
    cluster.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        cluster.wait(1)


def test_the_second_cluster_on_a_root_names_the_first(dev):
    first = dev("--json")
    said = document(first)
    second = dev()
    out, err = second.communicate(timeout=60)
    assert (second.returncode, out) == (ExitCode.EXISTS, "")
    assert f"already: pid {first.pid}, at {said['nimbus']}" in err
    assert first.poll() is None


def test_a_port_that_is_in_use_is_named(tmp_path, heronry):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = heronry("dev", "--root", tmp_path / "root", "--nimbus", f"127.0.0.1:{port}")
    assert (result.code, result.out) == (ExitCode.FAILED, "")
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use\n" in result.err
    assert "--nimbus 127.0.0.1:0" in result.err


def test_it_serves_http_where_it_says_and_takes_no_orders(dev):
    said = document(dev("--json"))
    with urllib.request.urlopen(f"http://{said['ui']}/api/v1/cluster/summary", timeout=20) as answer:
        assert json.load(answer)["supervisors"] == 1
    with urllib.request.urlopen(f"http://{said['ui']}/api/v1/cluster/configuration", timeout=20) as answer:
        conf = json.load(answer)
    port = int(said["ui"].rpartition(":")[2])
    assert (conf["ui.port"], conf["logviewer.port"], conf["ui.actions.enabled"]) == (port, port, False)
    order = urllib.request.Request(f"http://{said['ui']}/api/v1/topology/x/kill/0", method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(order, timeout=20)
    with caught.value as refusal:
        assert "heronry dev --rest-writes" in json.load(refusal)["errorMessage"]


def test_it_may_be_told_to_serve_no_http(dev):
    said = document(dev("--json", "--no-ui", without=HTTP))
    assert (said["ui"], said["logviewer"]) == (None, None)


def test_a_port_for_http_that_is_in_use_is_named(tmp_path, heronry):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        result = heronry("dev", "--root", tmp_path / "root", "--nimbus", "127.0.0.1:0", "--ui", address)
    assert (result.code, result.out) == (ExitCode.FAILED, "")
    assert f"cannot listen on {address}: Address already in use\n" in result.err
    assert "--ui 127.0.0.1:0" in result.err


def test_http_is_for_this_machine_only(tmp_path, heronry):
    result = heronry("dev", "--root", tmp_path / "root", "--nimbus", "127.0.0.1:0", "--ui", "0.0.0.0:0")
    assert result.code == ExitCode.FAILED
    assert "not on 0.0.0.0" in result.err
    assert "ssh -L" in result.err


def test_no_http_and_where_it_should_be_exclude_each_other(tmp_path, heronry):
    result = heronry("dev", "--root", tmp_path / "root", "--no-ui", "--ui", "127.0.0.1:0")
    assert result.code == ExitCode.USAGE
    result = heronry("dev", "--root", tmp_path / "root", "--ui", "nowhere:nothing")
    assert (result.code, "--ui: 'nowhere:nothing' is not HOST:PORT" in result.err) == (ExitCode.USAGE, True)


def test_a_port_that_asks_nobody_opens_to_other_machines_only_if_one_says_so(tmp_path, heronry):
    result = heronry("dev", "--root", tmp_path / "root", "--nimbus", "0.0.0.0:0", "--no-ui")
    assert (result.code, result.out) == (ExitCode.FAILED, "")
    assert "whoever reaches 0.0.0.0:0 (plain) could run programs here as this user" in result.err
    assert "--trust-network" in result.err


def test_with_that_said_it_opens_and_warns(dev):
    cluster = dev("--json", "--nimbus", "0.0.0.0:0", "--trust-network")
    assert document(cluster)["nimbus"].startswith("0.0.0.0:")
    cluster.terminate()
    _, err = cluster.communicate(timeout=60)
    assert "asks nobody for a password: whoever reaches that address can run programs here" in err


def test_a_conf_that_cannot_be_used_is_named(tmp_path, heronry):
    conf = tmp_path / "storm.yaml"
    conf.write_text("heronry.thrift.digest.port: 0\n")
    result = heronry("dev", "--root", tmp_path / "root", "--nimbus", "127.0.0.1:0", "--no-ui", "--conf", conf)
    assert result.code == ExitCode.FAILED
    assert "DIGEST-MD5 needs java.security.auth.login.config" in result.err


def test_a_root_that_cannot_be_used_is_named(tmp_path, heronry):
    (tmp_path / "file").write_text("")
    result = heronry("dev", "--root", tmp_path / "file" / "root", "--nimbus", "127.0.0.1:0")
    assert result.code == ExitCode.FAILED
    assert "cannot be used as a root: " in result.err


def test_a_second_interrupt_kills_what_does_not_want_to_end(dev, capsys):
    cluster = dev("--json")
    address = document(cluster)["nimbus"]
    code, shown = run(
        capsys, "submit", REPOSITORY / "examples" / "word_count", "--python", sys.executable,
        "--nimbus", address, "--json",
    )  # fmt: skip
    assert code == 0, shown.err
    topology_id = json.loads(shown.out)["topology_id"]
    assert len(marked(topology_id)) == 7  # topology process, container, 5 tasks
    for pid, mark in marked(topology_id).items():
        if mark.endswith(f"/{topology_id}/0"):
            os.kill(pid, signal.SIGSTOP)
    cluster.send_signal(signal.SIGINT)
    while "Ctrl-C again" not in cluster.stderr.readline():
        pass
    cluster.send_signal(signal.SIGINT)
    assert cluster.wait(60) == ExitCode.INTERRUPTED
    assert marked(topology_id) == {}
