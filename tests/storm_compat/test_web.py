from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import aiohttp
import pytest
from aiohttp import web as aio

from storm_compat import web
from storm_compat.errors import HttpPortInUse, InvalidConf, NotLoopback
from storm_compat.web import HttpSettings, Listeners, conf_of, listening, serve
from tests.storm_compat.fakes import play

pytestmark = pytest.mark.timeout(30)

ANY = HttpSettings(ui=("127.0.0.1", 0))


@contextmanager
def taken() -> Iterator[int]:
    """Hold a port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def hello(_: Listeners) -> aio.Application:
    async def answer(_: aio.Request) -> aio.Response:
        return aio.Response(text="hello")

    app = aio.Application()
    app.add_routes([aio.get("/", answer)])
    return app


def test_a_named_port_is_for_everything() -> None:
    with listening(HttpSettings(ui=("localhost", 0), may_write=True)) as listeners:
        host, _, port = listeners.address.partition(":")
        assert (host, listeners.logviewer, listeners.log_address) == ("127.0.0.1", None, listeners.address)
        assert conf_of(listeners) == {
            "ui.host": "127.0.0.1",
            "ui.port": int(port),
            "logviewer.port": int(port),
            "ui.actions.enabled": True,
        }


def test_without_a_server_the_conf_names_no_ports() -> None:
    assert set(conf_of(None).values()) == {None, False}


def test_the_logs_may_have_a_port_of_their_own() -> None:
    with listening(HttpSettings(ui=("127.0.0.1", 0), logviewer=("127.0.0.1", 0))) as listeners:
        assert listeners.address != listeners.log_address
        assert conf_of(listeners)["logviewer.port"] != conf_of(listeners)["ui.port"]


def test_a_named_port_that_is_taken_is_an_error() -> None:
    with taken() as port:
        for settings in (
            HttpSettings(ui=("127.0.0.1", port)),
            HttpSettings(ui=("127.0.0.1", 0), logviewer=("127.0.0.1", port)),
        ):
            with pytest.raises(HttpPortInUse) as caught, listening(settings):
                pass
            assert str(caught.value) == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_default_ports_that_are_taken_are_replaced_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with taken() as ui, taken() as logviewer:
        monkeypatch.setattr(web, "UI_PORT", ui)
        monkeypatch.setattr(web, "LOGVIEWER_PORT", logviewer)
        with listening(HttpSettings()) as listeners:
            assert listeners.notes == [
                f"The REST API is at {listeners.address}, because port {ui} is taken",
                f"Logs are at {listeners.address}, because port {logviewer} is taken",
            ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.org", ""])
def test_it_listens_on_this_machine_only(host: str) -> None:
    with pytest.raises(NotLoopback, match="ssh -L"), listening(HttpSettings(ui=(host, 0))):
        pass


def test_the_first_client_starts_it_and_others_are_served_too() -> None:
    built: list[Listeners] = []

    def build(listeners: Listeners) -> aio.Application:
        built.append(listeners)
        return hello(listeners)

    async def story() -> None:
        with listening(HttpSettings(ui=("127.0.0.1", 0), logviewer=("127.0.0.1", 0))) as listeners:
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(serve(listeners, build))
                await asyncio.sleep(0)
                assert not built
                async with aiohttp.ClientSession() as client:
                    for address in (listeners.log_address, listeners.address, listeners.address):
                        async with client.get(f"http://{address}/") as answer:
                            assert await answer.text() == "hello"
                assert len(built) == 1
                serving.cancel()

    play(story)


def test_a_failure_ends_only_the_http_server(caplog: pytest.LogCaptureFixture) -> None:
    def build(_: Listeners) -> aio.Application:
        raise RuntimeError("broken")

    async def story() -> None:
        with listening(ANY) as listeners:
            _, writer = await asyncio.open_connection(*listeners.ui.getsockname()[:2])
            await serve(listeners, build)
            writer.close()

    play(story)
    assert "HTTP is not served any more" in caplog.text


def test_more_clients_than_there_is_room_for_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MAX_CONNECTIONS", 2)

    async def story() -> None:
        with listening(ANY) as listeners:
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(serve(listeners, hello))
                streams = [await asyncio.open_connection(*listeners.ui.getsockname()[:2]) for _ in range(2)]
                for reader, writer in streams:
                    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
                reader, late = await asyncio.open_connection(*listeners.ui.getsockname()[:2])
                answer = b""
                with suppress(ConnectionError):
                    late.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    answer = await reader.read()
                assert answer == b""
                for _, writer in [*streams, (reader, late)]:
                    writer.close()
                serving.cancel()

    play(story)


def test_a_storm_yaml_may_say_where() -> None:
    assert HttpSettings.from_conf({}) == HttpSettings()
    assert HttpSettings.from_conf({"ui.port": 9, "ui.actions.enabled": True}) == HttpSettings(
        ui=("127.0.0.1", 9), may_write=True
    )
    assert HttpSettings.from_conf({"ui.host": "127.0.0.2"}).ui == ("127.0.0.2", 8080)
    assert HttpSettings.from_conf({"logviewer.port": 7}).logviewer == ("127.0.0.1", 7)
    with pytest.raises(InvalidConf, match=r"ui\.port must be a port"):
        HttpSettings.from_conf({"ui.port": "many"})
