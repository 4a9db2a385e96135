"""DIGEST-MD5 as Java's SASL library speaks it: RFC 2831 with md5-sess and qop auth.

    server  realm, nonce
    client  username, nonce, cnonce, nc=00000001, digest-uri, response [, authzid]
    server  rspauth

The password is never sent. Nothing tells an unknown name from a wrong password, neither text nor time.
MD5 is what the clients speak; who can, should take TLS.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from storm_compat.thrift.sasl import MAX_NAME_CHARS, Proof, Rejected

REALM = "localhost"
SERVICE = "storm_thrift_server"

_DIRECTIVE = re.compile(r'\s*([A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?:,|$)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class DigestMd5:
    """One negotiation.

    Args:
        passwords: user -> password.
        nonce: what no other negotiation gets; printable, without quotes.
        decoy: a password that nobody has, and nobody can guess.
    """

    def __init__(self, passwords: Mapping[str, str], *, nonce: str, decoy: str) -> None:
        self._passwords = passwords
        self._nonce = nonce
        self._decoy = decoy
        self._is_challenged = False

    def step(self, response: bytes) -> bytes | Proof:
        if not self._is_challenged:
            if response:
                raise Rejected("DIGEST-MD5: an answer before there was a challenge")
            self._is_challenged = True
            return (
                f'realm="{REALM}",nonce="{self._nonce}",qop="auth",charset=utf-8,algorithm=md5-sess'
            ).encode()
        return self._check(directives(response))

    def _check(self, said: Mapping[str, str]) -> Proof:
        for name in ("username", "nonce", "cnonce", "nc", "digest-uri", "response"):
            if not said.get(name):
                raise Rejected(f"DIGEST-MD5: digest response format violation. Missing {name}")
        expected = {"nonce": self._nonce, "nc": "00000001", "qop": "auth", "realm": REALM}
        for name, value in expected.items():
            if said.get(name, value) != value:
                raise Rejected(f"DIGEST-MD5: digest response format violation. Mismatched {name}")
        if said["digest-uri"].partition("/")[0] != SERVICE:
            raise Rejected(f"DIGEST-MD5: digest response format violation. The service must be {SERVICE}")
        user, other = said["username"], said.get("authzid", "")
        if max(len(user), len(other)) > MAX_NAME_CHARS:
            raise Rejected(f"DIGEST-MD5: a name has at most {MAX_NAME_CHARS} characters")
        password = self._passwords.get(user) or self._decoy
        right = digest_response(said, password, "AUTHENTICATE").encode()
        is_same = hmac.compare_digest(right, said["response"].lower().encode())
        if not is_same or not self._passwords.get(user):
            raise Rejected("DIGEST-MD5: wrong user name or password")
        return Proof(user, other, f"rspauth={digest_response(said, password, '')}".encode())


def digest_response(said: Mapping[str, str], password: str, method: str) -> str:
    """Return the hex digits that prove the knowledge of a password.

    Args:
        said: the client's directives.
        password: as configured.
        method: "AUTHENTICATE" for the client's proof, empty for the server's.
    """
    secret = b":".join(_encoded(part) for part in (said["username"], said.get("realm", ""), password))
    session = [_md5(secret), said["nonce"].encode(), said["cnonce"].encode()]
    if "authzid" in said:
        session.append(said["authzid"].encode())
    keyed = _md5(b":".join(session)).hex()
    about = _md5(f"{method}:{said['digest-uri']}".encode()).hex()
    parts = (keyed, said["nonce"], said["nc"], said["cnonce"], said.get("qop", "auth"), about)
    return _md5(":".join(parts).encode()).hex()


def directives(response: bytes) -> dict[str, str]:
    """Return what a digest response says, by lower-case name.

    Raises:
        Rejected: it is no list of directives, or says something twice.
    """
    try:
        text = response.decode()
    except UnicodeDecodeError:
        raise Rejected("DIGEST-MD5: the response is not UTF-8") from None
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _DIRECTIVE.match(text, at)
        if match is None:
            raise Rejected("DIGEST-MD5: digest response format violation")
        name = match[1].lower()
        if name in found:
            raise Rejected(f"DIGEST-MD5: digest response format violation. {name} is there twice")
        found[name] = match[3] if match[2] is None else _ESCAPE.sub(r"\1", match[2])
        at = match.end()
    return found


def _encoded(text: str) -> bytes:
    """Return ``text`` in ISO 8859-1 where that can express it, else in UTF-8, as RFC 2831 asks for."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
