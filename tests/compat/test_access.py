"""Check 39: clients that sign in, by Python and by Storm's own commands, and what they may do."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from storm_compat.thrift import idl
from tests.access_clients import SignInFailed, digest, over_tls, plain, signed_in
from tests.cluster import BIN, CHILDREN, Cluster, Draft, environment, jar_of, run, until
from tests.compat import jvm
from tests.compat.real_storm import free_ports
from tests.compat.storm_client import StormClient

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.differs("Ways in are tested against Heronry only"),
]

STORM = idl.load()
WORD_COUNT = Path(__file__).parents[2] / "examples" / "word_count"
AUTH = "org.apache.storm.security.auth"
LOGIN = """
StormServer {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_alice="wonder" user_bob="builder" user_root="toor";
};
StormClient {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    username="%s" password="%s";
};
"""


@dataclass
class Doors:
    """A cluster with all doors open."""

    cluster: Cluster
    digest: tuple[str, int]
    plain_sasl: tuple[str, int]
    tls: tuple[str, int]
    authority: trustme.CA

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        self.authority.issue_cert("client.example", common_name=name).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("doors")
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "nimbus.pem"))
    authority.cert_pem.write_to_path(str(folder / "trust.pem"))
    (folder / "users.conf").write_text(LOGIN % ("nobody", "nothing"))
    (folder / "users.conf").chmod(0o600)
    [tls_port] = free_ports(1)
    conf = {
        "java.security.auth.login.config": str(folder / "users.conf"),
        "heronry.thrift.digest.port": 0,
        "heronry.thrift.plain.sasl.port": 0,
        "nimbus.thrift.tls.port": tls_port,
        "nimbus.thrift.tls.server.keystore.path": str(folder / "nimbus.pem"),
        "nimbus.thrift.tls.server.truststore.path": str(folder / "trust.pem"),
        "nimbus.thrift.tls.server.truststore.password": "not-needed",
        "nimbus.admins": ["root"],
        "storm.blobstore.acl.validation.enabled": True,
    }
    (folder / "storm.yaml").write_text(json.dumps(conf))
    with Cluster(folder / "root", "--conf", str(folder / "storm.yaml")) as cluster:
        others = json.loads((cluster.root / "ready.json").read_bytes())["others"]
        yield Doors(
            cluster,
            address(others["digest"]),
            address(others["plain-sasl"]),
            address(others["tls"]),
            authority,
        )


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def small() -> Draft:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=1)
    return draft


def submit(client: Any, name: str) -> str:
    location = client.beginFileUpload()
    client.uploadChunk(location, jar_of(CHILDREN))
    client.finishFileUpload(location)
    client.submitTopology(name, location, "{}", small().build(STORM))
    topology_id: str = client.getTopologySummaryByName(name).id
    return topology_id


def test_39_whoever_signs_in_owns_what_he_submits_and_others_keep_off(doors: Doors) -> None:
    alice = signed_in(*doors.digest, digest("alice", "wonder"))
    bob = signed_in(*doors.plain_sasl, plain("bob", "builder"))
    root = signed_in(*doors.digest, digest("root", "toor"))
    try:
        topology_id = submit(alice, "hers")
        conf = json.loads(alice.getTopologyConf(topology_id))
        assert conf["topology.submitter.principal"] == conf["topology.submitter.user"] == "alice"
        assert conf["topology.users"] == ["alice"]
        assert bob.getTopologySummaryByName("hers").owner == "alice"
        for forbidden, text in [
            (lambda: bob.killTopology("hers"), "killTopology on topology hers is not authorized"),
            (lambda: bob.getTopologyConf(topology_id), "getTopologyConf on topology hers is not authorized"),
            (lambda: bob.beginFileDownload("x"), "fileDownload is not authorized"),
        ]:
            with pytest.raises(STORM.AuthorizationException) as caught:
                forbidden()
            assert caught.value.msg == text
        root.killTopologyWithOpts("hers", STORM.KillOptions(wait_secs=0))
        until(lambda: not root.getTopologySummaries(), timeout_s=60)
    finally:
        for client in (alice, bob, root):
            client.close()


def test_39_blobs_are_for_those_whom_their_owner_lets_in(doors: Doors) -> None:
    alice = signed_in(*doors.digest, digest("alice", "wonder"))
    bob = signed_in(*doors.plain_sasl, plain("bob", "builder"))
    root = signed_in(*doors.digest, digest("root", "toor"))
    kinds = STORM.AccessControlType
    for_bob = STORM.AccessControl(type=kinds.USER, name="bob", access=1)
    try:
        session = alice.beginCreateBlob("letter", STORM.SettableBlobMeta(acl=[]))
        alice.uploadBlobChunk(session, b"dear")
        alice.finishBlobUpload(session)
        hers = STORM.AccessControl(type=kinds.USER, name="alice", access=7)
        assert alice.getBlobMeta("letter").settable.acl == [hers]
        location = bob.beginFileUpload()
        bob.finishFileUpload(location)
        conf = json.dumps({"topology.blobstore.map": {"letter": {}}})
        for forbidden, text in [
            (lambda: bob.getBlobMeta("letter"), "[bob] does not have access to letter"),
            (lambda: bob.beginBlobDownload("letter"), "[bob] does not have [READ ] access to letter"),
            (lambda: bob.deleteBlob("letter"), "[bob] does not have [WRITE ] access to letter"),
            (
                lambda: bob.submitTopology("his", location, conf, small().build(STORM)),
                "[bob] does not have [READ ] access to letter",
            ),
            (lambda: doors.cluster.nimbus.getBlobMeta("letter"), "[] does not have access to letter"),
        ]:
            with pytest.raises(STORM.AuthorizationException) as caught:
                forbidden()
            assert caught.value.msg == text
        alice.setBlobMeta("letter", STORM.SettableBlobMeta(acl=[for_bob]))
        assert bob.downloadBlobChunk(bob.beginBlobDownload("letter").session) == b"dear"
        with pytest.raises(STORM.AuthorizationException):
            bob.setBlobMeta("letter", STORM.SettableBlobMeta(acl=[for_bob]))
        root.deleteBlob("letter")
    finally:
        for client in (alice, bob, root):
            client.close()


@pytest.mark.parametrize("name", ["digest", "plain_sasl"])
def test_39_a_wrong_password_is_refused_with_a_status_and_a_connection_lives_on(
    doors: Doors, name: str
) -> None:
    place = getattr(doors, name)
    sign_in = {"digest": digest, "plain_sasl": plain}[name]
    bystander = signed_in(*place, sign_in("alice", "wonder"))
    said = set()
    for user, password in (("alice", "wrong"), ("nobody", "wonder"), ("alice", "password")):
        with pytest.raises(SignInFailed) as caught:
            signed_in(*place, sign_in(user, password))
        said.add(caught.value.args)
    assert len(said) == 1
    assert said.pop()[0] == 3  # BAD
    assert bystander.getLeader().isLeader
    bystander.close()


def test_39_a_certificate_is_a_name_and_the_leader_says_where_tls_is(doors: Doors) -> None:
    client = over_tls(*doors.tls, doors.context("alice"))
    try:
        assert client.getLeader().tlsPort == doors.tls[1]
        topology_id = submit(client, "certified")
        principal = json.loads(client.getTopologyConf(topology_id))["topology.submitter.principal"]
        assert principal.startswith("CN=alice,")
        client.killTopologyWithOpts("certified", STORM.KillOptions(wait_secs=0))
    finally:
        client.close()


def test_no_password_is_shown_to_anybody(doors: Doors) -> None:
    shown = doors.cluster.nimbus.getNimbusConf()
    assert "not-needed" not in shown
    assert "wonder" not in shown
    output = doors.cluster.output() + (doors.cluster.root / "logs" / "nimbus.log").read_text()
    assert "wonder" not in output


def test_37_noise_at_every_door_harms_nobody(doors: Doors) -> None:
    bystander = signed_in(*doors.digest, digest("alice", "wonder"))
    noise = [
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xff" * 100,
        b"\0" * 100,
    ]
    for place in (doors.digest, doors.plain_sasl, doors.tls):
        for data in noise:
            with socket.create_connection(place, timeout=30) as sender:
                sender.sendall(data)
                sender.shutdown(socket.SHUT_WR)
                answer = b""
                while chunk := _received(sender):
                    answer += chunk
            assert len(answer) < 1000
    assert bystander.getLeader().isLeader
    assert "Traceback" not in doors.cluster.output()
    bystander.close()


def _received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except ConnectionResetError:
        return b""


# -- our own commands -----------------------------------------------------------


def heronry(doors: Doors, way: str, login: Path, *words: object) -> tuple[int, str]:
    """Run a command line as a user would who signs in by ``way``."""
    host, port = getattr(doors, way)
    variables = {"HERONRY_NIMBUS": f"{host}:{port}"}
    if way == "tls":
        own = {"HERONRY_TLS_CA": "trust.pem", "HERONRY_TLS_CERT": "own.pem"}
        variables |= {name: str(login.parent / file) for name, file in own.items()}
    else:
        mechanism = {"digest": "digest", "plain_sasl": "plain"}[way]
        variables |= {"HERONRY_LOGIN": str(login), "HERONRY_MECHANISM": mechanism}
    return run(BIN / "heronry", *map(str, words), cwd=login.parent, timeout_s=90, **variables)


@pytest.fixture
def login(doors: Doors, tmp_path: Path) -> Path:
    """Return alice's login file, beside her certificate."""
    path = tmp_path / "alice.conf"
    path.write_text(LOGIN % ("alice", "wonder"))
    doors.authority.cert_pem.write_to_path(str(tmp_path / "trust.pem"))
    own = doors.authority.issue_cert("client.example", common_name="alice")
    own.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "own.pem"))
    for each in (path, tmp_path / "own.pem"):
        each.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("way", "owner"), [("digest", "alice"), ("plain_sasl", "alice"), ("tls", "CN=alice,")]
)
def test_39_our_commands_sign_in(doors: Doors, login: Path, way: str, owner: str) -> None:
    name = f"by_{way}"

    def done(*words: object) -> str:
        code, output = heronry(doors, way, login, *words)
        assert code == 0, output
        return output

    assert f"{name} runs as {name}-" in done(
        "submit", WORD_COUNT, "-n", name, "--python", sys.executable, "-o", "word_count.sentences=20"
    )
    try:
        [found] = json.loads(done("list", "--json"))["topologies"]
        assert found["owner"].startswith(owner)
        assert done("rebalance", name, "--wait", 0, "-e", "count=1") == f"{name} is ACTIVE\n"
        executors = json.loads(done("status", name, "--json"))["topology"]["executors"]
        assert [e["component"] for e in executors].count("count") == 1
        done("blobs", "put", name, login.parent / "trust.pem")
        assert done("blobs", "cat", name) == (login.parent / "trust.pem").read_text()
        done("blobs", "rm", name)
        if way != "tls":
            other = login.with_name("bob.conf")
            other.write_text(LOGIN % ("bob", "builder"))
            other.chmod(0o600)
            code, output = heronry(doors, way, other, "kill", name, "--now")
            assert (code, "is not authorized" in output) == (5, True), output
    finally:
        done("kill", name, "--now")


def test_39_a_page_that_is_watched_signs_in_once(doors: Doors, login: Path) -> None:
    host, port = doors.digest
    command = [BIN / "heronry", "--nimbus", f"{host}:{port}", "--login", login, "status", "--watch", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as watching:
        assert watching.stdout is not None
        pages = 0
        while pages < 3:
            pages += b"Nimbus at " in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
        assert watching.wait(20) == 130


def test_39_a_command_with_a_login_finds_its_port_by_itself(doors: Doors, login: Path) -> None:
    code, output = run(
        BIN / "heronry", "--login", login, "status", cwd=login.parent, HERONRY_ROOT=str(doors.cluster.root)
    )
    assert (code, "Nimbus at {}:{}".format(*doors.digest) in output) == (0, True), output


def test_39_our_commands_say_what_a_port_wants(doors: Doors, login: Path) -> None:
    login.write_text(LOGIN % ("alice", "wrong"))
    plain_port = ("127.0.0.1", doors.cluster.port)
    for place, options, code, said in [
        (doors.digest, ["--login", login], 5, "wrong user name or password (user 'alice')"),
        (doors.plain_sasl, ["--login", login, "--mechanism", "plain"], 5, "wrong user name or password"),
        (doors.plain_sasl, ["--login", login], 5, "supported here: PLAIN"),
        (doors.digest, [], 6, "who comes to this port has to sign in"),
        (doors.tls, [], 6, "Perhaps the port wants another way in"),
        (plain_port, ["--login", login], 6, "nobody signs in at this port"),
        (plain_port, ["--tls-ca", "trust.pem"], 6, "it does not speak TLS"),
        (doors.digest, ["--tls-ca", "trust.pem"], 6, "it does not speak TLS"),
        (doors.tls, ["--tls-ca", "own.pem"], 6, "its certificate is not trusted"),
        (("localhost", doors.tls[1]), ["--tls-ca", "trust.pem"], 6, "not valid for 'localhost'"),
    ]:
        address = "{}:{}".format(*place)
        found, output = run(
            BIN / "heronry", "list", "--nimbus", address, *map(str, options), cwd=login.parent
        )
        assert (found, said in output) == (code, True), output
        assert "wrong;" not in output


# -- Storm's own commands -------------------------------------------------------


def by_digest(doors: Doors, folder: Path, user: str, password: str) -> StormClient:
    folder.mkdir()
    login = folder / "client.conf"
    login.write_text(LOGIN % (user, password))
    conf = {
        "java.security.auth.login.config": str(login),
        "storm.thrift.transport": f"{AUTH}.digest.DigestSaslTransportPlugin",
        "storm.nimbus.retry.times": 0,  # it tries again on the same connection, and tells the last error
    }
    return StormClient("2.8.2", *doors.digest, folder, conf)


def test_39_storm_list_signs_in_by_digest(doors: Doors, tmp_path: Path) -> None:
    jvm.need_tools()
    done = by_digest(doors, tmp_path / "right", "alice", "wonder")("list")
    assert done.code == 0, done.output
    assert "No topologies running." in done.stdout
    done = by_digest(doors, tmp_path / "wrong", "alice", "wrong")("list")
    assert done.code != 0
    assert "wrong user name or password" in done.output


def test_39_storm_list_signs_in_by_plain(tmp_path: Path) -> None:
    """Its password is always the same word, so this takes a server without a login file."""
    jvm.need_tools()
    (tmp_path / "storm.yaml").write_text("heronry.thrift.plain.sasl.port: 0\n")
    with Cluster(tmp_path / "root", "--conf", str(tmp_path / "storm.yaml")) as cluster:
        place = address(json.loads((cluster.root / "ready.json").read_bytes())["others"]["plain-sasl"])
        folder = tmp_path / "conf"
        folder.mkdir()
        conf = {"storm.thrift.transport": f"{AUTH}.plain.PlainSaslTransportPlugin"}
        done = StormClient("2.8.2", *place, folder, conf)("list")
        assert done.code == 0, done.output
        assert "No topologies running." in done.stdout


def test_39_storm_list_signs_in_by_tls(doors: Doors, tmp_path: Path) -> None:
    """Storm's client takes a PKCS12 trust store, and a key with its certificate as PEM of PKCS#1."""
    jvm.need_tools()
    root = x509.load_pem_x509_certificate(doors.authority.cert_pem.bytes())
    own = doors.authority.issue_cert("client.example", common_name="alice", key_type=trustme.KeyType.RSA)
    key: Any = load_pem_private_key(own.private_key_pem.bytes(), None)
    seal = BestAvailableEncryption(b"sealed")
    (tmp_path / "trust.p12").write_bytes(
        pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(root, b"root")], seal)
    )
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    own.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    folder = tmp_path / "conf"
    folder.mkdir()
    conf = {
        "nimbus.thrift.client.use.tls": True,
        "nimbus.thrift.tls.port": doors.tls[1],
        "nimbus.thrift.tls.transport": f"{AUTH}.tls.TlsTransportPlugin",
        "nimbus.thrift.tls.client.truststore.path": str(tmp_path / "trust.p12"),
        "nimbus.thrift.tls.client.truststore.password": "sealed",
        "nimbus.thrift.tls.client.key.path": str(tmp_path / "key.pem"),
        "nimbus.thrift.tls.client.cert.path": str(tmp_path / "cert.pem"),
    }
    done = StormClient("2.8.2", *doors.tls, folder, conf)("list")
    assert done.code == 0, done.output
    assert "No topologies running." in done.stdout
