"""How a command gets into Nimbus: options, then the environment, then nothing is done.

    --login FILE        HERONRY_LOGIN        JAAS file with the section StormClient, as Storm's clients have
    --mechanism NAME    HERONRY_MECHANISM    digest (DIGEST-MD5), or plain
    --tls-ca FILE       HERONRY_TLS_CA       TLS; PEM with whom to believe
    --tls-cert FILE     HERONRY_TLS_CERT     TLS; our certificate
    --tls-key FILE      HERONRY_TLS_KEY      and its key, if that is in another file

A port takes either a login or TLS.  What options choose hides what the environment says of the other.  As ssh
does with its keys, a file with a secret is refused if it is ours and others may read or change it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from storm_compat.cli.exit_codes import CommandError, ExitCode

if TYPE_CHECKING:
    from storm_compat.client_ways import Way

Mechanism = Literal["digest", "plain"]
Transport = Literal["plain", "digest", "plain-sasl", "tls"]
Command = TypeVar("Command", bound=Callable[..., Any])

_MECHANISMS: tuple[Mechanism, ...] = ("digest", "plain")
_KEY = "heronry.sign_in"

_OPTIONS = {
    "login": ("FILE", "Sign in as the section StormClient of this JAAS login file says."),
    "mechanism": (f"[{'|'.join(_MECHANISMS)}]", "How to sign in; digest if not said."),
    "tls-ca": ("FILE", "Speak TLS and believe the authorities in this PEM file."),
    "tls-cert": ("FILE", "Speak TLS and show this certificate, a PEM file."),
    "tls-key": ("FILE", "The certificate's key, if that file does not hold it."),
}
_TLS = ("tls-ca", "tls-cert", "tls-key")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a command does to be let in."""

    login: Path | None = None
    mechanism: Mechanism = "digest"
    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def transport(self) -> Transport:
        """The way in that this is for, by the name that `ready.json` has for it."""
        if self.authorities or self.certificate:
            return "tls"
        if self.login is None:
            return "plain"
        return "digest" if self.mechanism == "digest" else "plain-sasl"


def variable(option: str) -> str:
    """Return the environment variable that stands for an option."""
    return f"HERONRY_{option.upper().replace('-', '_')}"


def sign_in_options(command: Command, *, is_hidden: bool) -> Command:
    """Add the options to a command; they may also stand before the command's name."""
    for option, (metavar, text) in reversed(_OPTIONS.items()):
        command = click.option(
            f"--{option}",
            metavar=metavar,
            help=f"{text}  [env: {variable(option)}]",
            hidden=is_hidden,
            expose_value=False,
            callback=_remember(option),
        )(command)
    return command


def _remember(option: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def remember(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is not None:  # the command's own comes after the group's
            context.meta.setdefault(_KEY, {})[option] = value

    return remember


def chosen(context: click.Context) -> Choice:
    """Return what the options of a command and the environment choose."""
    return choose(context.meta.get(_KEY, {}), os.environ)


def choose(said: Mapping[str, str], environment: Mapping[str, str]) -> Choice:
    """Return what is chosen.

    Args:
        said: option -> value, of the command line.
        environment: by the names of variables; empty values count as none.

    Raises:
        CommandError: USAGE; it does not go together.
    """
    has_login, has_tls = "login" in said, any(option in said for option in _TLS)
    values = {}
    for option in _OPTIONS:
        is_hidden = has_login if option in _TLS else has_tls
        from_environment = "" if is_hidden else environment.get(variable(option), "")
        if value := said.get(option, from_environment):
            values[option] = (value, f"--{option}" if option in said else variable(option))
    tls = [source for option, (_, source) in values.items() if option in _TLS]
    if "login" in values and tls:
        raise _usage(f"{values['login'][1]} and {tls[0]} exclude each other: a port takes a login or TLS")
    if "mechanism" in said and "login" not in values:
        raise _usage("--mechanism goes with --login FILE")
    if "tls-key" in values and "tls-cert" not in values:
        raise _usage(f"{values['tls-key'][1]} goes with --tls-cert FILE")
    mechanism, source = values.pop("mechanism", ("digest", ""))
    if mechanism not in _MECHANISMS:
        raise _usage(f"{source} is {mechanism!r}; there are {' and '.join(_MECHANISMS)}")
    paths = {option: Path(value).expanduser() for option, (value, _) in values.items()}
    return Choice(
        login=paths.get("login"),
        mechanism=mechanism,
        authorities=paths.get("tls-ca"),
        certificate=paths.get("tls-cert"),
        key=paths.get("tls-key"),
    )


def way_of(choice: Choice) -> Way | None:
    """Return the way in, with the files read; None: nothing has to be done.

    Raises:
        CommandError: a file cannot be used, or others can see what is secret in it.
    """
    from storm_compat.client_ways import SaslWay, TlsWay, UnusableFile

    if choice.transport == "tls":
        if choice.certificate is not None:
            _check_secrecy(choice.key or choice.certificate)
        try:
            return TlsWay(choice.authorities, choice.certificate, choice.key, passphrase=_passphrase)
        except UnusableFile as exc:
            raise CommandError(str(exc)) from exc
    if choice.login is None:
        return None
    return SaslWay(choice.mechanism, *_read_login(choice.login))


def _read_login(path: Path) -> tuple[str, str]:
    from storm_compat.access import jaas
    from storm_compat.errors import InvalidConf

    _check_secrecy(path)
    try:
        return jaas.client(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise CommandError(f"{path} cannot be read: {getattr(exc, 'strerror', None) or exc}") from exc
    except InvalidConf as exc:
        raise CommandError(
            f"{path}: {exc}",
            advice=f'It must hold: {jaas.CLIENT} {{ M required username="NAME" password="PASSWORD"; }};',
        ) from exc


def _check_secrecy(path: Path) -> None:
    try:
        status = path.stat()
    except OSError as exc:
        raise CommandError(f"{path} cannot be read: {exc.strerror}") from exc
    if status.st_uid == os.getuid() and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CommandError(
            f"{path} holds a secret, but others may use it (mode {stat.S_IMODE(status.st_mode):04o})",
            advice=f"Keep it to yourself, chmod 600 {path}, and think of who may have read it.",
        )


def _passphrase() -> str:
    """Ask for what opens the key, as ssh does; nobody is asked where nobody can answer."""
    context = click.get_current_context(silent=True)
    if not sys.stdin.isatty() or (context and context.resilient_parsing):
        raise CommandError("the key is encrypted, and there is no terminal to ask for its passphrase")
    answer: str = click.prompt("Passphrase of the key", hide_input=True, err=True)
    return answer


def _usage(message: str) -> CommandError:
    return CommandError(message, code=ExitCode.USAGE)
