from __future__ import annotations

import asyncio

import pytest
from thriftpy2.thrift import TApplicationException

from scheduler.errors import InvalidTransition, PackingError
from storm_compat.errors import (
    AlreadyAlive,
    BlobInUse,
    InvalidJar,
    KeyExists,
    KeyNotFound,
    NotAlive,
    NotAuthorized,
    UploadGone,
)
from storm_compat.failures import as_thrift, translating
from storm_compat.thrift import idl


@pytest.mark.parametrize(
    ("error", "name", "text"),
    [
        (AlreadyAlive("wc"), "AlreadyAliveException", "wc is already alive"),
        (NotAlive.named("wc"), "NotAliveException", "wc is not alive"),
        (InvalidJar("no jar"), "InvalidTopologyException", "no jar"),
        (InvalidJar("no \ud800"), "InvalidTopologyException", "no ?"),
        (PackingError("no place"), "InvalidTopologyException", "no place"),
        (KeyNotFound("k"), "KeyNotFoundException", "k"),
        (KeyExists("k"), "KeyAlreadyExistsException", "k"),
        (NotAuthorized("no"), "AuthorizationException", "no"),
        (
            BlobInUse.own("k", "wc-1"),
            "IllegalStateException",
            "Attempting to delete blob k from under active topology wc-1",
        ),
        (
            BlobInUse.linked("k", ["wc-1", "xy-1"]),
            "IllegalStateException",
            "Attempting to delete active blob k used by topology wc-1, xy-1",
        ),
    ],
)
def test_errors_that_the_interface_declares(error: Exception, name: str, text: str) -> None:
    with pytest.raises(getattr(idl.load(), name)) as caught, as_thrift():
        raise error
    assert caught.value.msg == text
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [UploadGone("x"), InvalidTransition("wc-1-17", status="KILLED", event="ACTIVATE")]
)
def test_other_errors_of_ours_are_internal_errors_with_their_text(error: Exception) -> None:
    with pytest.raises(TApplicationException) as caught, as_thrift():
        raise error
    assert caught.value.type == TApplicationException.INTERNAL_ERROR
    assert caught.value.message == str(error)


def test_foreign_errors_are_left_to_the_server() -> None:
    with pytest.raises(ZeroDivisionError), as_thrift():
        raise ZeroDivisionError


def test_a_translating_class_translates_plain_and_async_methods() -> None:
    @translating
    class Handler:
        def plain(self, name: str) -> str:
            raise NotAlive.named(name)

        async def later(self, name: str) -> str:
            await asyncio.sleep(0)
            raise NotAlive.named(name)

        def _inner(self) -> None:
            raise NotAlive.named("inner")

    not_alive = idl.load().NotAliveException
    with pytest.raises(not_alive):
        Handler().plain("x")
    with pytest.raises(not_alive):
        asyncio.run(Handler().later("x"))
    with pytest.raises(NotAlive):
        Handler()._inner()
