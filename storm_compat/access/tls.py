"""The TLS context of the server, from the files that Storm's keys name.

    nimbus.thrift.tls.server.keystore.path, .password      our certificate and key: PEM or PKCS12
    nimbus.thrift.tls.server.truststore.path, .password    whose certificates of clients we believe: the same
    nimbus.thrift.tls.client.auth.required                 whether clients must show one

PKCS12 is what Java's keytool writes since Java 9; it needs the package cryptography (`heronry[tls]`). The old
JKS format is Java's alone: `keytool -importkeystore -deststoretype PKCS12` turns it into PKCS12.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from storm_compat.errors import InvalidConf

_PREFIX: Final = "nimbus.thrift.tls.server."
_JKS_MAGIC: Final = b"\xfe\xed\xfe\xed"


def server_context(conf: Mapping[str, Any]) -> ssl.SSLContext:
    """Return the context for TLS 1.2 and newer.

    Raises:
        InvalidConf: a file is missing, cannot be read, or holds something else.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    key = f"{_PREFIX}keystore.path"
    with _explained(key, conf.get(key)):
        path, password = _store(conf, "keystore")
        _load_key(context, path, password)
    is_required = bool(conf.get("nimbus.thrift.tls.client.auth.required"))
    key = f"{_PREFIX}truststore.path"
    if conf.get(key):
        with _explained(key, conf.get(key)):
            context.load_verify_locations(cadata=_certificates(*_store(conf, "truststore")))
        context.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
    elif is_required:
        raise InvalidConf(
            f"{key} must name the certificates that clients are believed by, or "
            "nimbus.thrift.tls.client.auth.required must be false"
        )
    return context


def _store(conf: Mapping[str, Any], store: str) -> tuple[Path, str | None]:
    path, password = conf.get(f"{_PREFIX}{store}.path"), conf.get(f"{_PREFIX}{store}.password")
    if not path:
        raise ValueError("it is not set")
    return Path(str(path)), None if password is None else str(password)


def _load_key(context: ssl.SSLContext, path: Path, password: str | None) -> None:
    data = _read(path)
    if not _is_pem(data):
        with _in_memory(_pem_of_pkcs12(data, password)) as whole:
            context.load_cert_chain(whole)
        return
    # Without a password OpenSSL would ask at the terminal.
    context.load_cert_chain(path, password=lambda: password or "")


def _certificates(path: Path, password: str | None) -> str:
    """Return the certificates of a trust store as PEM."""
    data = _read(path)
    if _is_pem(data):
        return data.decode("ascii", "replace")
    from cryptography.hazmat.primitives.serialization import Encoding

    store = _pkcs12(data, password)
    found = [entry.certificate for entry in (store.cert, *store.additional_certs) if entry is not None]
    if not found:
        raise ValueError("it holds no certificate")
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in found)


def _pem_of_pkcs12(data: bytes, password: str | None) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    store = _pkcs12(data, password)
    if store.key is None or store.cert is None:
        raise ValueError("it holds no key with its certificate")
    key: bytes = store.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = (store.cert, *store.additional_certs)
    return key + b"".join(entry.certificate.public_bytes(Encoding.PEM) for entry in chain)


def _pkcs12(data: bytes, password: str | None) -> Any:
    if data.startswith(_JKS_MAGIC):
        raise ValueError("it is a JKS store; convert it: keytool -importkeystore -deststoretype PKCS12")
    from cryptography.hazmat.primitives.serialization import pkcs12

    return pkcs12.load_pkcs12(data, None if password is None else password.encode())


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _is_pem(data: bytes) -> bool:
    return b"-----BEGIN " in data


@contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """Yield the path of a file in memory: ssl reads keys from files only, and no disk shall see it."""
    descriptor = os.memfd_create("key", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


@contextmanager
def _explained(key: str, path: object) -> Iterator[None]:
    """Say which key it is that something is wrong with."""
    try:
        yield
    except ImportError as exc:
        raise InvalidConf(
            f"{key} names a PKCS12 store, for which heronry[tls] must be installed: {exc}"
        ) from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or getattr(exc, "reason", None) or str(exc)
        raise InvalidConf(f"{key} is {path}, which cannot be used: {reason}") from exc
