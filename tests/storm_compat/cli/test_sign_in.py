"""How commands sign in: what is chosen, which files are taken, and what is said when it does not work."""

from __future__ import annotations

import os
import pty
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from storm_compat.cli.connect import _ADVICE
from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.sign_in import Choice, choose, variable
from storm_compat.client_ways import Obstacle
from storm_compat.thrift.digest import DigestMd5
from storm_compat.thrift.doors import SaslDoor, TlsDoor
from storm_compat.thrift.sasl import Plain
from storm_compat.thrift.wire_scan import ScanLimits
from tests.storm_compat.serving import serving

MAX_BYTES = 1024 * 1024
LOGIN = """
StormClient {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    username="%s" password="%s";
};
"""

Heronry = Callable[..., Any]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in ("login", "mechanism", "tls-ca", "tls-cert", "tls-key"):
        monkeypatch.delenv(variable(option), raising=False)


@pytest.fixture
def login(tmp_path: Path) -> Path:
    return write(tmp_path / "alice.conf", LOGIN % ("alice", "wonder"))


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def doors(nimbus: Any) -> Iterator[dict[str, str]]:
    """Return kind -> address of a fake Nimbus behind doors that ask who comes."""
    users = {"alice": "wonder"}
    digest = SaslDoor(
        MAX_BYTES,
        "digest",
        {"DIGEST-MD5": lambda: DigestMd5(users, nonce="n", decoy="d")},
        lambda *_: False,
    )
    plain = SaslDoor(MAX_BYTES, "plain-sasl", {"PLAIN": lambda: Plain(users)}, lambda *_: False)
    nimbus.topologies = {"wc": "ACTIVE"}
    with serving(nimbus, digest) as one, serving(nimbus, plain) as two:
        yield {"none": nimbus.address, "digest": "{}:{}".format(*one), "plain": "{}:{}".format(*two)}


# -- what is chosen -------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "environment", "choice", "transport"),
    [
        ({}, {}, Choice(), "plain"),
        ({"login": "l"}, {}, Choice(login=Path("l")), "digest"),
        ({}, {"HERONRY_LOGIN": "l"}, Choice(login=Path("l")), "digest"),
        ({"login": "l"}, {"HERONRY_LOGIN": "m"}, Choice(login=Path("l")), "digest"),
        ({"login": ""}, {"HERONRY_LOGIN": "m", "HERONRY_TLS_CA": "a"}, Choice(), "plain"),
        ({}, {"HERONRY_LOGIN": "", "HERONRY_TLS_CA": "a"}, Choice(authorities=Path("a")), "tls"),
        ({"login": "l", "mechanism": "plain"}, {}, Choice(login=Path("l"), mechanism="plain"), "plain-sasl"),
        (
            {"login": "l"},
            {"HERONRY_MECHANISM": "plain"},
            Choice(login=Path("l"), mechanism="plain"),
            "plain-sasl",
        ),
        ({"login": "l"}, {"HERONRY_TLS_CA": "a"}, Choice(login=Path("l")), "digest"),
        (
            {"tls-ca": "a"},
            {"HERONRY_LOGIN": "l", "HERONRY_MECHANISM": "x"},
            Choice(authorities=Path("a")),
            "tls",
        ),
        (
            {"tls-cert": "c"},
            {"HERONRY_TLS_CA": "a", "HERONRY_TLS_KEY": "k"},
            Choice(authorities=Path("a"), certificate=Path("c"), key=Path("k")),
            "tls",
        ),
    ],
)
def test_options_choose_before_the_environment(
    said: dict[str, str], environment: dict[str, str], choice: Choice, transport: str
) -> None:
    found = choose(said, environment)
    assert (found, found.transport) == (choice, transport)


@pytest.mark.parametrize(
    ("said", "environment", "reason"),
    [
        ({"login": "l", "tls-ca": "a"}, {}, "--login and --tls-ca exclude each other"),
        ({}, {"HERONRY_LOGIN": "l", "HERONRY_TLS_KEY": "k"}, "HERONRY_LOGIN and HERONRY_TLS_KEY exclude"),
        ({"mechanism": "plain"}, {}, "--mechanism goes with --login FILE"),
        ({"tls-key": "k"}, {}, "--tls-key goes with --tls-cert FILE"),
        (
            {"login": "l"},
            {"HERONRY_MECHANISM": "gssapi"},
            "HERONRY_MECHANISM is 'gssapi'; there are digest and",
        ),
        ({"login": "l", "mechanism": "x"}, {}, "--mechanism is 'x'; there are digest and plain"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    said: dict[str, str], environment: dict[str, str], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason) as caught:
        choose(said, environment)
    assert caught.value.code is ExitCode.USAGE


def test_there_is_advice_for_every_obstacle() -> None:
    assert set(_ADVICE) == set(Obstacle)


# -- signing in -----------------------------------------------------------------


def test_a_login_signs_in_before_or_behind_the_command_or_by_the_environment(
    doors: dict[str, str], login: Path, heronry: Heronry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in (
        ("--nimbus", doors["digest"], "--login", login, "list"),
        ("list", "--login", login, "--nimbus", doors["digest"]),
        ("--login", "none", "list", "--login", login, "--nimbus", doors["digest"]),
        ("--login", login, "--mechanism", "plain", "list", "--nimbus", doors["plain"]),
    ):
        result = heronry(*arguments)
        assert (result.code, "wc" in result.out) == (0, True), result.err
    monkeypatch.setenv("HERONRY_LOGIN", str(login))
    assert heronry("list", "--nimbus", doors["digest"]).code == 0
    monkeypatch.setenv("HERONRY_MECHANISM", "plain")
    assert heronry("list", "--nimbus", doors["plain"]).code == 0


def test_names_are_completed_where_one_has_to_sign_in(
    doors: dict[str, str], login: Path, heronry: Heronry, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("_HERONRY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"heronry --login {login} --nimbus {doors['digest']} kill w")
    monkeypatch.setenv("COMP_CWORD", "6")
    with pytest.raises(SystemExit):
        heronry()
    assert capsys.readouterr().out.split() == ["plain,wc"]


@pytest.mark.parametrize(
    ("door", "has_login", "code", "texts"),
    [
        (
            "digest",
            False,
            ExitCode.UNREACHABLE,
            ("who comes to this port has to sign in (address from --nimbus)\nSign in with --login FILE",),
        ),
        ("none", True, ExitCode.UNREACHABLE, ("nobody signs in at this port", "leave --login away")),
        (
            "plain",
            True,
            ExitCode.REFUSED,
            ("Unsupported mechanism type DIGEST-MD5; supported here: PLAIN", "Choose another with --mech"),
        ),
    ],
)
def test_the_wrong_port_is_told_with_what_to_do(
    doors: dict[str, str],
    login: Path,
    heronry: Heronry,
    *,
    door: str,
    has_login: bool,
    code: ExitCode,
    texts: tuple[str, ...],
) -> None:
    result = heronry("list", "--nimbus", doors[door], *(["--login", login] if has_login else []))
    assert (result.code, result.out) == (code, "")
    assert all(text in result.err for text in texts)


def test_a_wrong_password_is_refused_and_shown_to_nobody(
    doors: dict[str, str], tmp_path: Path, heronry: Heronry
) -> None:
    wrong = write(tmp_path / "wrong.conf", LOGIN % ("alice", "s3cretly wrong"))
    for door, mechanism in (("digest", "digest"), ("plain", "plain")):
        result = heronry("-vv", "list", "--nimbus", doors[door], "--login", wrong, "--mechanism", mechanism)
        assert result.code == ExitCode.REFUSED
        assert "wrong user name or password (user 'alice')" in result.err
        assert "Check username and password in the section StormClient" in result.err
        assert "s3cretly" not in result.err


# -- files ----------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_login_that_others_can_use_is_refused(login: Path, heronry: Heronry, mode: int) -> None:
    login.chmod(mode)
    result = heronry("list", "--login", login)
    assert result.code == ExitCode.FAILED
    assert f"holds a secret, but others may use it (mode {mode:04o})" in result.err
    assert f"chmod 600 {login}" in result.err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('StormServer { M required user_a="s3cret"; };', "has no section StormClient; sections: StormServer"),
        ('StormClient { M required username="a"; };', 'lacks password="..."'),
        ('StormClient { M required password="s3cret', "line 1: a quote is missing"),
    ],
)
def test_what_is_no_login_is_told_without_its_secrets(
    tmp_path: Path, heronry: Heronry, text: str, reason: str
) -> None:
    result = heronry("list", "--login", write(tmp_path / "x.conf", text))
    assert result.code == ExitCode.FAILED
    assert reason in result.err
    assert "s3cret" not in result.err


def test_files_that_are_not_there_are_told(tmp_path: Path, heronry: Heronry) -> None:
    none = tmp_path / "none"
    for options in (["--login", none], ["--tls-ca", none], ["--tls-cert", none]):
        result = heronry("list", *options)
        assert (result.code, result.out) == (ExitCode.FAILED, "")
        assert str(none) in result.err
        assert "No such file or directory" in result.err


# -- TLS ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, tmp_path: Path) -> dict[str, Path]:
    """Return what a client needs: name of the option -> file, with the key encrypted as "locked"."""
    own = authority.issue_cert("client.example", common_name="alice")
    files = {name: tmp_path / f"{name}.pem" for name in ("tls-ca", "tls-cert", "tls-key", "locked")}
    authority.cert_pem.write_to_path(str(files["tls-ca"]))
    own.cert_chain_pems[0].write_to_path(str(files["tls-cert"]))
    own.private_key_pem.write_to_path(str(files["tls-key"]))
    key: Any = load_pem_private_key(own.private_key_pem.bytes(), None)
    files["locked"].write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
    )
    files["tls-key"].chmod(0o600)
    files["locked"].chmod(0o600)
    return files


@pytest.fixture
def tls_address(nimbus: Any, authority: trustme.CA) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(nimbus, TlsDoor(MAX_BYTES, ScanLimits(), context)) as (host, port):
        yield f"{host}:{port}"


def test_a_certificate_signs_in(tls_address: str, tls: dict[str, Path], heronry: Heronry) -> None:
    options = [word for name in ("tls-ca", "tls-cert", "tls-key") for word in (f"--{name}", tls[name])]
    result = heronry(*options, "list", "--nimbus", tls_address)
    assert (result.code, result.err) == (0, "")


def test_what_tls_minds_is_told_with_what_to_do(
    tls_address: str, nimbus: Any, tls: dict[str, Path], heronry: Heronry
) -> None:
    result = heronry("list", "--nimbus", tls_address, "--tls-ca", tls["tls-ca"])
    assert result.code == ExitCode.REFUSED
    assert "it wants to see a certificate" in result.err
    assert "Show one with --tls-cert FILE" in result.err
    result = heronry("list", "--nimbus", tls_address, "--tls-ca", tls["tls-cert"])
    assert result.code == ExitCode.UNREACHABLE
    assert "its certificate is not trusted" in result.err
    assert "with --tls-ca FILE" in result.err
    by_name = f"localhost:{tls_address.rpartition(':')[2]}"
    result = heronry("list", "--nimbus", by_name, "--tls-ca", tls["tls-ca"])
    assert result.code == ExitCode.UNREACHABLE
    assert "certificate is not valid for 'localhost'" in result.err
    assert "Use the name in the certificate" in result.err
    result = heronry("list", "--nimbus", nimbus.address, "--tls-ca", tls["tls-ca"])
    assert result.code == ExitCode.UNREACHABLE
    assert "it does not speak TLS" in result.err
    assert "leave --tls-ca, --tls-cert and --tls-key away" in result.err


def test_a_key_that_others_can_use_is_refused(tls: dict[str, Path], heronry: Heronry) -> None:
    tls["tls-key"].chmod(0o644)
    result = heronry("list", "--tls-cert", tls["tls-cert"], "--tls-key", tls["tls-key"])
    assert result.code == ExitCode.FAILED
    assert f"{tls['tls-key']} holds a secret" in result.err


def test_a_passphrase_is_asked_for_at_a_terminal_only(
    tls_address: str, tls: dict[str, Path], heronry: Heronry
) -> None:
    options = ["--tls-ca", tls["tls-ca"], "--tls-cert", tls["tls-cert"], "--tls-key", tls["locked"]]
    command = ["list", "--nimbus", tls_address, *map(str, options)]
    result = heronry(*command)
    assert result.code == ExitCode.FAILED
    assert "no terminal to ask for its passphrase" in result.err
    main = "import sys; from storm_compat.cli.main import run; sys.exit(run(sys.argv[1:]))"
    ours, theirs = pty.openpty()
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", main, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        said = b""
        while b"Passphrase of the key: " not in said:
            said += os.read(ours, 1000)
        os.write(ours, b"open sesame\n")
        while b"No topologies" not in said:
            said += os.read(ours, 1000)
        assert child.wait(20) == 0
        assert b"sesame" not in said
    finally:
        os.close(ours)
        os.close(theirs)
