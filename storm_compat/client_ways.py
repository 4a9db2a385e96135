"""The ways into a Nimbus from the client's side, the counterpart of `storm_compat.thrift.doors`.

    FramedWay    nothing                 framed
    SaslWay      PLAIN or DIGEST-MD5     framed
    TlsWay       a handshake             bare

A way turns a fresh connection into one that takes calls.  What keeps it from that is `Obstructed`, with the
obstacle, for which whoever asks a person can give advice.
"""

from __future__ import annotations

import secrets
import socket
import ssl
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from typing import Literal, Protocol

from storm_compat.thrift.sign_in import (
    Denied,
    DigestSecret,
    Distrusted,
    NotSasl,
    PlainSecret,
    Secret,
    SignIn,
    Speech,
    speech_of,
)

Mechanism = Literal["digest", "plain"]

# What OpenSSL says of certificates; the numbers are those of its x509_vfy.h.
_OTHER_NAME = {62, 64}
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21}

# In the names of alerts by which a server says that it minds the client's certificate, or that none came.
_CERTIFICATE_ALERTS = ("CERT", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")


class Obstacle(Enum):
    """What keeps a client out."""

    WRONG_PASSWORD = auto()
    OTHER_MECHANISM = auto()
    IMPOSTOR = auto()
    """The server does not know the password."""

    SIGN_IN_WANTED = auto()
    SIGN_IN_UNKNOWN = auto()
    TLS_WANTED = auto()
    TLS_UNKNOWN = auto()
    CERTIFICATE_WANTED = auto()
    CERTIFICATE_REFUSED = auto()
    NOT_TRUSTED = auto()
    OTHER_NAME = auto()
    BAD_CERTIFICATE = auto()
    """It is the server's, and would not be good whoever was trusted."""

    CLOSED = auto()
    """The server left without a word, which several can do."""

    OTHER_SERVER = auto()


class Obstructed(Exception):
    """A client does not get in."""

    def __init__(self, obstacle: Obstacle, reason: str) -> None:
        super().__init__(reason)
        self.obstacle = obstacle


class UnusableFile(Exception):
    """A file that is needed to get in cannot be read, or holds something else."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be used: {reason}")


class Way(Protocol):
    """One way in; serves any number of connections."""

    is_framed: bool

    def enter(self, sock: socket.socket, host: str) -> socket.socket:
        """Return the connection that takes calls, once what is asked for there is done.

        Raises:
            Obstructed: there is no way in.
            OSError: the connection is lost.
        """

    def explain(self, error: Exception) -> Obstructed | None:
        """Return what the loss of the connection in the first call shows; None: nothing about the way in."""


class FramedWay:
    """Nothing is asked for."""

    is_framed = True

    def enter(self, sock: socket.socket, host: str) -> socket.socket:
        return _Heard(sock.family, sock.type, sock.proto, sock.detach())

    def explain(self, error: Exception) -> Obstructed | None:
        # OpenSSL has no answer to what is no TLS.
        return Obstructed(Obstacle.CLOSED, "nothing came back")


class SaslWay:
    """Sign in by name and password."""

    is_framed = True

    def __init__(self, mechanism: Mechanism, user: str, password: str) -> None:
        self._mechanism = mechanism
        self._user = user
        self._password = password

    def enter(self, sock: socket.socket, host: str) -> socket.socket:
        sign_in = SignIn(self._secret())
        has_answered = False
        try:
            sock.sendall(sign_in.begin())
            while not sign_in.is_done:
                data = _exactly(sock, sign_in.wanted_bytes)
                has_answered = True
                sock.sendall(sign_in.handle(data))
        except Denied as denied:
            if denied.is_other_mechanism:
                raise Obstructed(Obstacle.OTHER_MECHANISM, str(denied)) from denied
            raise Obstructed(Obstacle.WRONG_PASSWORD, f"{denied} (user {self._user!r})") from denied
        except NotSasl as exc:
            raise _foreign(exc.speech) from exc
        except Distrusted as exc:
            raise Obstructed(Obstacle.IMPOSTOR, f"it may be another than it should be: {exc}") from exc
        except (EOFError, OSError) as exc:
            if has_answered:
                raise ConnectionError("the connection was lost while signing in") from exc
            if isinstance(exc, TimeoutError):
                raise Obstructed(Obstacle.SIGN_IN_UNKNOWN, "it does not answer to signing in") from exc
            raise Obstructed(Obstacle.CLOSED, "it closed the connection instead of signing us in") from exc
        return sock

    def explain(self, error: Exception) -> Obstructed | None:
        return None

    def _secret(self) -> Secret:
        if self._mechanism == "plain":
            return PlainSecret(self._user, self._password)
        return DigestSecret(self._user, self._password, cnonce=secrets.token_urlsafe(24))


class TlsWay:
    """Prove who we are by a certificate, or be nobody in particular, over TLS 1.2 or newer.

    Args:
        authorities: PEM with whom we believe; None: whom this machine believes.
        certificate: ours, as PEM, with those that vouch for it.
        key: that of the certificate; None: it stands in the same file.
        passphrase: asked for if the key is encrypted.

    Raises:
        UnusableFile: one of them.
    """

    is_framed = False

    def __init__(
        self,
        authorities: Path | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
        *,
        passphrase: Callable[[], str] = lambda: "",
    ) -> None:
        self._has_certificate = certificate is not None
        # Not create_default_context: newer Pythons are so strict there that many a private authority fails.
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            if authorities is None:
                self._context.load_default_certs()
            else:
                self._context.load_verify_locations(authorities)
        except OSError as exc:
            raise UnusableFile(authorities or Path(), _what_is_wrong(exc, "certificates as PEM")) from exc
        if certificate is not None:
            try:
                self._context.load_cert_chain(certificate, key, passphrase)
            except OSError as exc:
                path = key if key is not None and not key.is_file() else certificate
                what = "a certificate and its key as PEM" if key is None else f"the one that {key} belongs to"
                raise UnusableFile(path, _what_is_wrong(exc, what)) from exc

    def enter(self, sock: socket.socket, host: str) -> socket.socket:
        try:
            return self._context.wrap_socket(sock, server_hostname=host)
        except ssl.SSLCertVerificationError as exc:
            text = exc.verify_message
            if exc.verify_code in _OTHER_NAME:
                raise Obstructed(Obstacle.OTHER_NAME, f"its certificate is another's: {text}") from exc
            is_unknown = exc.verify_code in _UNKNOWN_ISSUER
            obstacle = Obstacle.NOT_TRUSTED if is_unknown else Obstacle.BAD_CERTIFICATE
            raise Obstructed(obstacle, f"its certificate is not trusted: {text}") from exc
        except TimeoutError as exc:
            raise Obstructed(Obstacle.TLS_UNKNOWN, "it does not answer to TLS") from exc
        except (ssl.SSLError, ConnectionError) as exc:
            raise self.explain(exc) or Obstructed(Obstacle.TLS_UNKNOWN, "it does not speak TLS") from exc

    def explain(self, error: Exception) -> Obstructed | None:
        # In TLS 1.3 the server looks at the certificate after the client's handshake is over.
        alert = str(getattr(error, "reason", None) or "")
        if "ALERT" not in alert or not any(part in alert for part in _CERTIFICATE_ALERTS):
            return None
        said = alert.replace("_", " ").lower()
        if self._has_certificate:
            return Obstructed(Obstacle.CERTIFICATE_REFUSED, f"it does not accept the certificate ({said})")
        return Obstructed(Obstacle.CERTIFICATE_WANTED, f"it wants to see a certificate ({said})")


class _Heard(socket.socket):
    """A connection whose first answer is looked at before anybody takes it for a frame of gigabytes."""

    _has_answered = False

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        if not self._has_answered:
            self._has_answered = True
            speech = speech_of(super().recv(5, socket.MSG_PEEK))
            if speech not in {None, Speech.FRAME}:
                raise _foreign(speech)
        return super().recv(size, flags)


def _foreign(speech: Speech | None) -> Obstructed:
    match speech:
        case Speech.FRAME:
            return Obstructed(Obstacle.SIGN_IN_UNKNOWN, "nobody signs in at this port")
        case Speech.SASL:
            return Obstructed(Obstacle.SIGN_IN_WANTED, "who comes to this port has to sign in")
        case Speech.TLS:
            return Obstructed(Obstacle.TLS_WANTED, "this port speaks TLS")
        case Speech.HTTP:
            return Obstructed(Obstacle.OTHER_SERVER, "this port speaks HTTP, not Thrift")
        case None:
            return Obstructed(Obstacle.OTHER_SERVER, "what answers there is no Nimbus")


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = sock.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def _what_is_wrong(error: OSError, wanted: str) -> str:
    """Return why a file cannot be used; OpenSSL's own words help nobody."""
    if not isinstance(error, ssl.SSLError):
        return error.strerror or str(error)
    return f"it does not hold {wanted} ({error.reason or 'it is something else'})"
