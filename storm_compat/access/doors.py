"""The doors that a configuration asks for; reads the login file and the key stores."""

from __future__ import annotations

import logging
import secrets
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from storm_compat.access import jaas
from storm_compat.access.authorizer import may_act_for
from storm_compat.access.guard import groups_of
from storm_compat.access.tls import server_context
from storm_compat.access.ways_in import LOGIN_KEY, WayIn
from storm_compat.errors import InvalidConf, PortInUse
from storm_compat.thrift.digest import DigestMd5
from storm_compat.thrift.doors import Door, FramedDoor, SaslDoor, TlsDoor
from storm_compat.thrift.sasl import Mechanism, Plain
from storm_compat.thrift.server import ServerLimits, ThriftServer

logger = logging.getLogger(__name__)


REQUEST_BYTES: Final = "heronry.thrift.max.request.bytes"
"""The largest request. Replies keep to ``nimbus.thrift.max_buffer_size``, which is what clients take."""


def server_limits(conf: Mapping[str, Any]) -> ServerLimits:
    """Return what the server is to take on.

    Raises:
        InvalidConf: a limit is no number above 0.
    """
    plain = ServerLimits()
    storms = _number(conf, "nimbus.thrift.max_buffer_size", plain.max_frame_bytes)
    frame = int(_number(conf, REQUEST_BYTES, storms))
    held = int(_number(conf, "heronry.thrift.max.held.bytes", max(plain.max_held_bytes, frame)))
    most = int(_number(conf, "heronry.thrift.max.connections", plain.max_connection_count))
    if held < frame:
        raise InvalidConf(
            f"heronry.thrift.max.held.bytes is less than {REQUEST_BYTES}, or nimbus.thrift.max_buffer_size"
        )
    return ServerLimits(
        max_frame_bytes=frame,
        max_connection_count=most,
        max_held_bytes=held,
        frame_timeout_s=_number(conf, "heronry.thrift.frame.timeout.secs", plain.frame_timeout_s),
        sign_in_timeout_s=_number(conf, "heronry.thrift.sign.in.timeout.secs", plain.sign_in_timeout_s),
    )


async def open_doors(
    server: ThriftServer, ways: Sequence[WayIn], conf: Mapping[str, Any], limits: ServerLimits
) -> list[WayIn]:
    """Return the ways in with the ports that they got; clients may come at once.

    Raises:
        InvalidConf: a file that the configuration names cannot be used; nothing listens then.
        PortInUse: nothing can be listened to there.
    """
    opened = []
    for way, door in [(way, door_for(way, conf, limits)) for way in ways]:
        try:
            host, port = await server.start(way.host, way.port, door)
        except OSError as exc:
            raise PortInUse(way.host, way.port, exc.strerror or str(exc)) from exc
        opened.append(replace(way, host=host, port=port))
    return opened


def door_for(way: WayIn, conf: Mapping[str, Any], limits: ServerLimits) -> Door:
    """Return the door for one way in.

    Raises:
        InvalidConf: a file that the configuration names cannot be used.
    """
    if way.transport == "plain":
        lent = conf.get("debug.simple.transport.user")
        return FramedDoor(limits.max_frame_bytes, principal=None if lent is None else str(lent))
    if way.transport == "tls":
        return TlsDoor(limits.max_frame_bytes, limits.scan, server_context(conf))
    return SaslDoor(
        limits.max_frame_bytes,
        way.transport,
        _mechanisms(way, conf),
        lambda own, other, host: may_act_for(conf, own, other, host, groups_of),
    )


def _number(conf: Mapping[str, Any], key: str, default: float) -> float:
    value = conf.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**40:
        raise InvalidConf(f"{key} is {value!r}; it must be a number above 0")
    return value


def _mechanisms(way: WayIn, conf: Mapping[str, Any]) -> dict[str, Callable[[], Mechanism]]:
    path = conf.get(LOGIN_KEY)
    if way.transport == "plain-sasl":
        passwords = None if path is None else _users(str(path))
        return {"PLAIN": lambda: Plain(passwords)}
    if path is None:
        raise InvalidConf(f"DIGEST-MD5 needs {LOGIN_KEY}, a file with a section {jaas.SERVER}")
    users = _users(str(path))
    decoy = secrets.token_hex(16)
    return {"DIGEST-MD5": lambda: DigestMd5(users, nonce=secrets.token_urlsafe(24), decoy=decoy)}


def _users(path: str) -> dict[str, str]:
    try:
        file = Path(path)
        text = file.read_text(encoding="utf-8")
        mode = file.stat().st_mode
    except (OSError, ValueError) as exc:
        raise InvalidConf(f"{LOGIN_KEY} is {path}, which cannot be read: {exc}") from exc
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        logger.warning("others can read the passwords of users: file=%s advice=chmod 600", path)
    return jaas.users(text)
