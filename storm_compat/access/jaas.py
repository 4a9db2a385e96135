"""Read a JAAS login file: who there is, as Storm's administrators write it down, or who one is oneself.

    StormServer {
        org.apache.zookeeper.server.auth.DigestLoginModule required
        user_alice="wonder"
        user_bob="builder";
    };
    StormClient {
        org.apache.zookeeper.server.auth.DigestLoginModule required
        username="alice"
        password="wonder";
    };

Tolerant as to what stands around: comments, other sections, several modules, commas, missing semicolons.
"""

from __future__ import annotations

import re
from typing import Final

from storm_compat.errors import InvalidConf

SERVER: Final = "StormServer"
CLIENT: Final = "StormClient"
USER_PREFIX: Final = "user_"

_TOKEN = re.compile(
    r'(?P<skip>\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/)|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<mark>[{}=;,])|(?P<word>[^\s{}=;,"]+)',
    re.DOTALL,
)


def users(text: str) -> dict[str, str]:
    """Return user -> password, from the section for servers.

    Raises:
        InvalidConf: the text is no login file, has no such section, or names nobody in it.
    """
    passwords = {
        option.removeprefix(USER_PREFIX): value
        for option, value in _section(text, SERVER).items()
        if option.startswith(USER_PREFIX)
    }
    if empty := sorted(user for user, password in passwords.items() if not user or not password):
        raise InvalidConf(f"section {SERVER} of the login file has users without name or password: {empty}")
    if not passwords:
        raise InvalidConf(
            f'section {SERVER} of the login file names nobody; write lines like user_NAME="PASSWORD"'
        )
    return passwords


def client(text: str) -> tuple[str, str]:
    """Return the user and the password that a client signs in with, from the section for clients.

    Raises:
        InvalidConf: the text is no login file, has no such section, or one of the two is missing there.
    """
    options = _section(text, CLIENT)
    for option in ("username", "password"):
        if not options.get(option):
            raise InvalidConf(f'section {CLIENT} of the login file lacks {option}="..."')
    return options["username"], options["password"]


def _section(text: str, name: str) -> dict[str, str]:
    found = sections(text)
    if name not in found:
        names = ", ".join(found) or "none"
        raise InvalidConf(f"the login file has no section {name}; sections: {names}")
    return found[name]


def sections(text: str) -> dict[str, dict[str, str]]:
    """Return section -> option -> value, quotes gone.

    Raises:
        InvalidConf: a bracket or a quote is missing; the message has the line's number, but nothing of it.
    """
    found: dict[str, dict[str, str]] = {}
    section: str | None = None
    before: list[str] = []  # words since the last mark
    option: str | None = None
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _broken(text, at, "a quote is missing")
        at = match.end()
        if match["skip"] is not None:
            continue
        mark = match["mark"]
        if mark is None:
            word = match["word"] if match["quoted"] is None else re.sub(r"\\(.)", r"\1", match["quoted"])
            if option is not None and section is not None:
                found[section][option], option, before = word, None, []
            else:
                before.append(word)
        elif mark == "{" and section is None and before:
            section, before = before[-1], []
            found.setdefault(section, {})
        elif mark == "=" and section is not None and before:
            option, before = before[-1], []
        elif mark == "}" and section is not None and option is None:
            section, before = None, []
        elif mark in "{=}":
            raise _broken(text, match.start(), f"{mark} is not expected there")
        else:
            before = []
    if section is not None:
        raise _broken(text, at, f"section {section} has no end")
    return found


def _broken(text: str, at: int, reason: str) -> InvalidConf:
    line = text.count("\n", 0, at) + 1
    return InvalidConf(f"the login file cannot be read, line {line}: {reason}")
