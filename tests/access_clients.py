"""Clients that sign in, written from the protocols' descriptions and without our own code: Python's side of
what Storm's Java clients do.

    nimbus = signed_in(host, port, digest("alice", "wonder"))
    nimbus = over_tls(host, port, context)
"""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
import ssl
from collections.abc import Callable
from typing import Any

from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.thrift import TClient
from thriftpy2.transport import TCyBufferedTransport, TCyFramedTransport, TSocket

from storm_compat.thrift import idl

START, OK, BAD, ERROR, COMPLETE = 1, 2, 3, 4, 5
TIMEOUT_S = 30.0

SignIn = Callable[[socket.socket], None]


class SignInFailed(Exception):
    """The server said so, with a status and a text."""


def connect(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), timeout=TIMEOUT_S)


def say(sock: socket.socket, status: int, payload: bytes) -> None:
    sock.sendall(bytes([status]) + len(payload).to_bytes(4) + payload)


def hear(sock: socket.socket) -> tuple[int, bytes]:
    head = _exactly(sock, 5)
    return head[0], _exactly(sock, int.from_bytes(head[1:]))


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = sock.recv(size - len(data))
        if not chunk:
            raise ConnectionError(f"closed after {data!r}")
        data += chunk
    return data


def expect(sock: socket.socket, wanted: int) -> bytes:
    status, payload = hear(sock)
    if status != wanted:
        raise SignInFailed(status, payload.decode())
    return payload


def plain(user: str, password: str = "password", other: str = "") -> SignIn:
    def sign_in(sock: socket.socket) -> None:
        say(sock, START, b"PLAIN")
        say(sock, COMPLETE, f"{other}\0{user}\0{password}".encode())
        assert expect(sock, COMPLETE) == b""

    return sign_in


def digest(user: str, password: str, other: str = "") -> SignIn:
    def sign_in(sock: socket.socket) -> None:
        say(sock, START, b"DIGEST-MD5")
        say(sock, OK, b"")
        challenge = dict(re.findall(r'([a-z-]+)="?([^",]*)"?', expect(sock, OK).decode()))
        nonce, realm, cnonce = challenge["nonce"], challenge["realm"], secrets.token_hex(8)
        uri = "storm_thrift_server/127.0.0.1"
        suffix = f":{other}" if other else ""
        a1 = hashlib.md5(f"{user}:{realm}:{password}".encode()).digest()
        a1 = hashlib.md5(a1 + f":{nonce}:{cnonce}{suffix}".encode()).hexdigest().encode()

        def proof(method: str) -> str:
            a2 = hashlib.md5(f"{method}:{uri}".encode()).hexdigest()
            return hashlib.md5(a1 + f":{nonce}:00000001:{cnonce}:auth:{a2}".encode()).hexdigest()

        said = (
            f'charset=utf-8,username="{user}",realm="{realm}",nonce="{nonce}",nc=00000001,cnonce="{cnonce}",'
            f'digest-uri="{uri}",maxbuf=65536,response={proof("AUTHENTICATE")},qop=auth'
        )
        say(sock, OK, (said + (f',authzid="{other}"' if other else "")).encode())
        assert expect(sock, COMPLETE).decode() == f"rspauth={proof('')}"

    return sign_in


def signed_in(host: str, port: int, sign_in: SignIn | None) -> Any:
    """Return a client of Nimbus on a connection that has signed in."""
    sock = connect(host, port)
    try:
        if sign_in is not None:
            sign_in(sock)
    except BaseException:
        sock.close()
        raise
    return TClient(idl.load().Nimbus, TCyBinaryProtocol(TCyFramedTransport(TSocket(sock=sock))))


def over_tls(host: str, port: int, context: ssl.SSLContext) -> Any:
    """Return a client of Nimbus that speaks strict binary Thrift without frames, over TLS."""
    sock = context.wrap_socket(connect(host, port), server_hostname=host)
    return TClient(idl.load().Nimbus, TCyBinaryProtocol(TCyBufferedTransport(TSocket(sock=sock))))
