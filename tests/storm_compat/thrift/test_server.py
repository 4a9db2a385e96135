"""The server over real sockets, with thriftpy2's own client and with bytes written by hand."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from thriftpy2.protocol import TBinaryProtocolFactory, TCyBinaryProtocol
from thriftpy2.rpc import make_client
from thriftpy2.thrift import TApplicationException
from thriftpy2.transport import TCyMemoryBuffer, TFramedTransportFactory, TTransportException

from storm_compat.caller import current
from storm_compat.failures import misshapen
from storm_compat.thrift import idl
from storm_compat.thrift.server import ServerLimits, ThriftServer

pytestmark = pytest.mark.timeout(20)
storm: Any = idl.load()
CALL, REPLY, EXCEPTION, ONEWAY = 1, 2, 3, 4
MIB = 1024 * 1024


class Handler:
    """Answers a few of Nimbus' methods, and fails in every way there is."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Any, ...]] = []
        self.met = asyncio.Event()

    def getTopologyConf(self, topology_id: str) -> str:  # noqa: N802  Storm's name
        return f"conf of {topology_id}"

    async def getNimbusConf(self) -> str:  # noqa: N802  Storm's name
        await asyncio.sleep(0)
        return "{}"

    async def getOwnerResourceSummaries(self, owner: str) -> Any:  # noqa: N802  Storm's name
        await asyncio.sleep(0)
        caller = current()
        return [storm.OwnerResourceSummary(owner=str(part)) for part in (caller.transport, caller.peer)]

    def submitTopology(self, *args: Any) -> None:  # noqa: N802  Storm's name
        self.submitted.append(args)

    def killTopology(self, name: str) -> None:  # noqa: N802  Storm's name
        raise storm.NotAliveException(msg=f"{name} is not alive")

    async def activate(self, name: str) -> None:
        raise storm.AuthorizationException(msg=f"hands off {name}")

    def deactivate(self, name: str) -> None:
        raise LookupError(f"no shelf\nfor {name}")

    def getLogConfig(self, name: str) -> Any:  # noqa: N802  Storm's name
        raise storm.NotAliveException(msg=f"{name} is not alive")

    def isTopologyNameAllowed(self, name: str) -> bool:  # noqa: N802  Storm's name
        return name != "taken"

    def getLeader(self) -> None:  # noqa: N802  Storm's name
        return None

    def listBlobs(self, session: str) -> Any:  # noqa: N802  Storm's name
        return storm.ListBlobsResult(keys=17, session=session)

    def beginFileUpload(self) -> str:  # noqa: N802  Storm's name
        raise TApplicationException(TApplicationException.MISSING_RESULT, "nothing to give")

    async def getUserTopology(self, topology_id: str) -> Any:  # noqa: N802  Storm's name
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        return await future

    async def beginUpdateBlob(self, key: str) -> str:  # noqa: N802  Storm's name
        """Wait for somebody to call finishBlobUpload."""
        await self.met.wait()
        return key

    def finishBlobUpload(self, session: str) -> None:  # noqa: N802  Storm's name
        self.met.set()


class Running:
    """A server on a loop in a thread of its own."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, handler: Handler, limits: ServerLimits | None
    ) -> None:
        self.loop = loop
        self.handler = handler
        self.server = ThriftServer(storm.Nimbus, handler, limits, misshapen=misshapen)
        self.host, self.port = self.run(self.server.start("127.0.0.1", 0))

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def wait_until_held(self, size: int) -> None:
        """Wait until the server has read that many bytes of requests; nothing tells a client so."""
        deadline = time.monotonic() + 10
        while self.server._connections.held_bytes < size:
            assert time.monotonic() < deadline
            os.sched_yield()

    def wait_until_moving(self, size: int) -> None:
        """Wait until the server sends a reply of that size at least, and nobody takes it."""
        deadline = time.monotonic() + 10
        while not any(
            connection.is_moving and connection.has_called and connection.held_bytes >= size
            for connection in self.server._connections
        ):
            assert time.monotonic() < deadline
            os.sched_yield()

    @contextmanager
    def client(self, *, is_strict: bool = True) -> Iterator[Any]:
        client = make_client(
            storm.Nimbus,
            self.host,
            self.port,
            proto_factory=TBinaryProtocolFactory(strict_write=is_strict),
            trans_factory=TFramedTransportFactory(),
            timeout=10_000,
        )
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection((self.host, self.port), timeout=10) as connection:
            yield connection


@contextmanager
def running(limits: ServerLimits | None = None) -> Iterator[Running]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        server = Running(loop, Handler(), limits)
        try:
            yield server
        finally:
            server.run(server.server.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@pytest.fixture
def server() -> Iterator[Running]:
    with running() as server:
        yield server


def call(name: str, seqid: int = 7, kind: int = CALL, **arguments: Any) -> bytes:
    """Return a framed message."""
    buffer = TCyMemoryBuffer()
    protocol = TCyBinaryProtocol(buffer)
    protocol.write_message_begin(name, kind, seqid)
    getattr(storm.Nimbus, f"{name}_args", storm.NullStruct)(**arguments).write(protocol)
    return framed(buffer.getvalue())


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(4) + message


def receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def read_reply(connection: socket.socket) -> tuple[str, int, int, Any]:
    """Return name, kind, seqid and result struct or exception of the next reply."""
    message = receive(connection, int.from_bytes(receive(connection, 4)))
    protocol = TCyBinaryProtocol(TCyMemoryBuffer(message))
    name, kind, seqid = protocol.read_message_begin()
    payload = TApplicationException() if kind == EXCEPTION else getattr(storm.Nimbus, f"{name}_result")()
    payload.read(protocol)
    return name, kind, seqid, payload


def is_closed(connection: socket.socket) -> bool:
    """Wait for the other side to close."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def failure(method: Any, *args: Any) -> tuple[int, str]:
    with pytest.raises(TApplicationException) as caught:
        method(*args)
    return caught.value.type, caught.value.message


def large_topology(bolt_count: int) -> Any:
    component = storm.ComponentObject(shell=storm.ShellComponent("python3", "x" * 200))
    bolt = storm.Bolt(bolt_object=component, common=storm.ComponentCommon(inputs={}, streams={}))
    bolts = {f"bolt-{index}": bolt for index in range(bolt_count)}
    return storm.StormTopology(spouts={}, bolts=bolts, state_spouts={})


def test_plain_and_async_methods_answer(server: Running) -> None:
    with server.client() as client:
        assert client.getTopologyConf("words-1") == "conf of words-1"
        assert client.getNimbusConf() == "{}"


def test_a_handler_may_ask_who_calls(server: Running) -> None:
    with server.connection() as connection:
        connection.sendall(call("getOwnerResourceSummaries"))
        summaries = read_reply(connection)[3].success
        own = "{}:{}".format(*connection.getsockname())
    assert [summary.owner for summary in summaries] == ["plain", own]


def test_a_result_of_false_arrives_as_false(server: Running) -> None:
    with server.client() as client:
        assert client.isTopologyNameAllowed("taken") is False
        assert client.isTopologyNameAllowed("free") is True


def test_a_client_that_writes_no_version_word_is_served(server: Running) -> None:
    with server.client(is_strict=False) as client:
        assert client.getTopologyConf("words-1") == "conf of words-1"


def test_arguments_arrive_in_the_order_of_the_interface_and_unset_ones_as_none(server: Running) -> None:
    with server.client() as client:
        assert client.submitTopology(jsonConf="{}", name="words", topology=None) is None
    assert server.handler.submitted[-1] == ("words", None, "{}", None)


def test_the_reply_carries_name_and_sequence_number_of_the_call(server: Running) -> None:
    with server.connection() as connection:
        for seqid in (0, -1, 2**31 - 1):
            connection.sendall(call("getTopologyConf", seqid, id="x"))
            expected = storm.Nimbus.getTopologyConf_result(success="conf of x")
            assert read_reply(connection) == ("getTopologyConf", REPLY, seqid, expected)


def test_declared_exceptions_arrive_as_themselves_from_plain_and_async_methods(server: Running) -> None:
    with server.client() as client:
        with pytest.raises(storm.NotAliveException) as not_alive:
            client.killTopology("words")
        with pytest.raises(storm.AuthorizationException) as unauthorized:
            client.activate("words")
    assert (not_alive.value.msg, unauthorized.value.msg) == ("words is not alive", "hands off words")


def test_an_unexpected_exception_arrives_with_an_id_that_is_also_in_the_log(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with server.client() as client:
        kind, text = failure(client.deactivate, "words")
    assert kind == TApplicationException.INTERNAL_ERROR
    match = re.fullmatch(
        r"Internal error processing deactivate: LookupError: no shelf for words \(error id ([0-9A-F]{6})\)",
        text,
    )
    assert match
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.getMessage() == f"deactivate failed, error id {match[1]}"
    assert record.exc_info
    assert record.exc_info[0] is LookupError


def test_an_exception_of_the_interface_that_the_method_does_not_declare_arrives_by_its_text_and_is_not_logged(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with server.client() as client:
        assert failure(client.getLogConfig, "words") == (
            TApplicationException.INTERNAL_ERROR,
            "Internal error processing getLogConfig: words is not alive",
        )
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_cancelled_wait_inside_a_handler_is_an_internal_error_and_no_end_of_the_connection(
    server: Running,
) -> None:
    with server.client() as client:
        kind, text = failure(client.getUserTopology, "words-1")
        assert kind == TApplicationException.INTERNAL_ERROR
        assert "getUserTopology: RuntimeError: what it waited for was cancelled" in text
        assert client.getNimbusConf() == "{}"


def test_a_result_that_cannot_be_encoded_is_an_internal_error(server: Running) -> None:
    with server.client() as client:
        kind, text = failure(client.listBlobs, "")
    assert kind == TApplicationException.INTERNAL_ERROR
    assert text.startswith("Internal error processing listBlobs: TDecodeException: Field 'keys(1)'")


def test_a_method_outside_the_interface_is_an_invalid_name(server: Running) -> None:
    with server.connection() as connection:
        connection.sendall(call("restartUniverse", seqid=3))
        name, kind, seqid, error = read_reply(connection)
    assert (name, kind, seqid) == ("restartUniverse", EXCEPTION, 3)
    assert error.type == TApplicationException.UNKNOWN_METHOD
    assert error.message == "Invalid method name: 'restartUniverse'"


def test_an_attribute_of_the_handler_that_is_no_method_of_the_interface_cannot_be_called(
    server: Running,
) -> None:
    with server.connection() as connection:
        connection.sendall(call("__init__"))
        assert read_reply(connection)[3].message == "Invalid method name: '__init__'"


def test_a_method_the_handler_lacks_is_said_to_be_unsupported(server: Running) -> None:
    with server.client() as client:
        assert failure(client.rebalance, "words", storm.RebalanceOptions()) == (
            TApplicationException.UNKNOWN_METHOD,
            "rebalance is not supported yet by Heronry",
        )


def test_a_missing_result_arrives_as_an_empty_struct(server: Running) -> None:
    with server.connection() as connection:
        connection.sendall(call("getLeader"))
        assert read_reply(connection)[3] == storm.Nimbus.getLeader_result()
    with server.client() as client:
        assert failure(client.getLeader)[0] == TApplicationException.MISSING_RESULT


def test_a_handler_may_choose_the_application_exception_itself(server: Running) -> None:
    with server.client() as client:
        assert failure(client.beginFileUpload) == (TApplicationException.MISSING_RESULT, "nothing to give")


def test_a_connection_stays_usable_after_every_kind_of_failure(server: Running) -> None:
    with server.client() as client:
        for method, args in [
            (client.killTopology, ["words"]),
            (client.deactivate, ["words"]),
            (client.rebalance, ["words"]),
            (client.getLeader, []),
            (client.listBlobs, [""]),
        ]:
            with pytest.raises((storm.NotAliveException, TApplicationException)):
                method(*args)
            assert client.getTopologyConf("x") == "conf of x"


def test_text_that_is_not_utf8_is_a_protocol_error_and_the_connection_lives(server: Running) -> None:
    with server.connection() as connection:
        connection.sendall(call("getTopologyConf", id=b"\xff\xfe"))
        error = read_reply(connection)[3]
        assert error.type == TApplicationException.PROTOCOL_ERROR
        assert error.message.startswith("cannot decode the arguments of getTopologyConf: UnicodeDecodeError")
        connection.sendall(call("getTopologyConf", id="x"))
        assert read_reply(connection)[1] == REPLY


def test_arguments_against_the_interface_are_refused_and_the_connection_lives(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with server.client() as client:
        with pytest.raises(storm.InvalidTopologyException) as declared:
            client.submitTopology("words", "", "{}", storm.StormTopology(spouts={}))
        assert declared.value.msg == "topology.bolts is required, but not set"
        assert client.getTopologyConf("x") == "conf of x"
    with server.connection() as connection:
        wrong = call("getTopologyConf", id="x")[4:].replace(b"\x0b\0\x01\0\0\0\x01x", b"\x08\0\x01\0\0\0\x07")
        connection.sendall(framed(wrong))
        error = read_reply(connection)[3]
        assert (error.type, error.message) == (
            TApplicationException.PROTOCOL_ERROR,
            "getTopologyConf: id must be string, but is i32",
        )
        connection.sendall(call("getTopologyConf", id="x"))
        assert read_reply(connection)[1] == REPLY
    assert "refused a call: method=getTopologyConf reason=id must be string, but is i32" in caplog.messages


def test_a_message_that_is_no_call_is_answered_as_such(server: Running) -> None:
    with server.connection() as connection:
        connection.sendall(call("getTopologyConf", kind=REPLY, id="x"))
        error = read_reply(connection)[3]
    assert error.type == TApplicationException.INVALID_MESSAGE_TYPE


def test_a_oneway_call_gets_no_reply(server: Running) -> None:
    with server.connection() as connection:
        connection.sendall(call("getTopologyConf", 1, ONEWAY, id="x") + call("getTopologyConf", 2, id="x"))
        assert read_reply(connection)[2] == 2


def test_calls_sent_ahead_are_answered_in_order(server: Running) -> None:
    with server.connection() as connection:
        connection.sendall(b"".join(call("getTopologyConf", seqid, id="x") for seqid in range(50)))
        assert [read_reply(connection)[2] for _ in range(50)] == list(range(50))


def test_a_frame_may_come_byte_by_byte(server: Running) -> None:
    with server.connection() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in call("getTopologyConf", id="x"):
            connection.sendall(bytes([byte]))
        assert read_reply(connection)[3].success == "conf of x"


def test_a_large_topology_arrives_whole(server: Running) -> None:
    topology = large_topology(2_000)
    with server.client() as client:
        client.submitTopology("words", "/tmp/words.jar", "{}", topology)
    assert server.handler.submitted[-1] == ("words", "/tmp/words.jar", "{}", topology)


def test_a_call_that_waits_does_not_hold_up_another_connection() -> None:
    with (
        running() as server,
        server.client() as first,
        server.client() as second,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(first.beginUpdateBlob, "jar")
        second.finishBlobUpload("any")
        assert waiting.result(10) == "jar"


def test_an_idle_connection_outlives_the_deadline_that_cuts_a_slow_frame(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running(ServerLimits(frame_timeout_s=0.2)) as server, server.client() as idle:
        assert idle.getTopologyConf("x") == "conf of x"
        with server.connection() as slow:
            slow.sendall(call("getTopologyConf", id="x")[:-1])
            assert is_closed(slow)
        with server.connection() as slower:
            slower.sendall(b"\x00")
            assert is_closed(slower)
        assert idle.getTopologyConf("x") == "conf of x"
    assert caplog.text.count("the arrival of its frame took over 0.2 s") == 2


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"\x00\x00\x00\x00", "a frame of 0 bytes"),
        (b"\xff\xff\xff\xff", "a frame of -1 bytes"),
        (b"\x7f\xff\xff\xff", "a frame of 2,147,483,647 bytes, at most 67,108,864 are accepted"),
    ],
)
def test_a_frame_of_impossible_size_ends_the_connection(
    server: Running, caplog: pytest.LogCaptureFixture, head: bytes, reason: str
) -> None:
    with server.connection() as connection:
        connection.sendall(head)
        assert is_closed(connection)
    assert caplog.messages[-1].endswith(f": {reason}")


def test_a_frame_above_the_limit_is_answered_with_the_limit() -> None:
    with running(ServerLimits(max_frame_bytes=100_000)) as server, server.client() as client:
        assert failure(client.submitTopology, "words", "", "x" * 10_000_000, None) == (
            TApplicationException.PROTOCOL_ERROR,
            "submitTopology came in a frame of 10,000,053 bytes, at most 100,000 are accepted",
        )
        with pytest.raises((TTransportException, OSError)):
            client.getTopologyConf("x")


def test_a_malformed_body_is_answered_and_ends_the_connection(server: Running) -> None:
    with server.connection() as connection:
        message = call("getTopologyConf", seqid=9, id="words-1")[4:]
        connection.sendall(framed(message[:-1]))
        name, kind, seqid, error = read_reply(connection)
        assert is_closed(connection)
    assert (name, kind, seqid) == ("getTopologyConf", EXCEPTION, 9)
    assert error.type == TApplicationException.PROTOCOL_ERROR
    size = len(message) - 1
    assert error.message == (
        f"malformed call of 'getTopologyConf' at byte {size}: the message ends inside a value"
    )


def test_a_bomb_in_a_large_frame_is_answered_and_ends_the_connection(server: Running) -> None:
    bomb = call("getClusterInfo")[4:-1] + b"\x0f\x00\x09\x0c" + (1_000_000).to_bytes(4) + bytes(1_000_001)
    with server.connection() as connection:
        connection.sendall(framed(bomb))
        assert "more than 200,000 fields and items" in read_reply(connection)[3].message
        assert is_closed(connection)


def test_a_frame_without_a_header_ends_the_connection_without_a_reply(server: Running) -> None:
    with server.connection() as connection:
        connection.sendall(framed(b"\xff" * 40))
        assert is_closed(connection)


@pytest.mark.parametrize(
    ("opening", "hint"),
    [
        (b"GET / HTTP/1.1\r\nHost: nimbus\r\n\r\n", "it speaks HTTP"),
        (b"POST /api/v1 HTTP/1.1\r\n\r\n", "it speaks HTTP"),
        (call("getNimbusConf")[4:], "it uses no framed transport; let the client use TFramedTransport"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "it speaks TLS"),
    ],
)
def test_a_client_of_another_protocol_is_cut_off_with_a_hint_in_the_log(
    server: Running, caplog: pytest.LogCaptureFixture, opening: bytes, hint: str
) -> None:
    with server.connection() as connection:
        connection.sendall(opening)
        assert is_closed(connection)
    assert hint in caplog.text


@pytest.mark.parametrize("mechanism", [b"DIGEST-MD5", b"PLAIN"])
def test_who_wants_to_sign_in_where_nobody_is_asked_hears_so_at_once(
    server: Running, mechanism: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Its first word reads like a frame of 16 MiB."""
    with server.connection() as connection:
        connection.sendall(b"\x01" + len(mechanism).to_bytes(4) + mechanism + b"\x02\0\0\0\0")
        assert "this port does not ask for that" in read_reply(connection)[3].message
        assert is_closed(connection)
    assert "it wants to sign in by SASL" in caplog.text


def test_a_frame_of_16_mib_is_taken_for_what_it_is() -> None:
    with running(ServerLimits(max_frame_bytes=17 * MIB)) as server, server.connection() as connection:
        short = call("getTopologyConf", id="")
        frame = call("getTopologyConf", id="x" * (16 * MIB + 4 - len(short)))
        assert frame.startswith(b"\x01\0\0\0")
        connection.sendall(frame)
        assert read_reply(connection)[3].success.endswith("xxx")


def test_one_connection_more_than_allowed_takes_the_place_of_the_longest_idle_one() -> None:
    with (
        running(ServerLimits(max_connection_count=2)) as server,
        server.connection() as first,
        server.connection() as second,
    ):
        for connection in (second, first, second):
            connection.sendall(call("getTopologyConf", id="x"))
            assert read_reply(connection)[3].success == "conf of x"
        with server.connection() as third:
            third.sendall(call("getTopologyConf", id="x"))
            assert read_reply(third)[3].success == "conf of x"
            assert is_closed(first)
            second.sendall(call("getTopologyConf", id="x"))
            assert read_reply(second)[3].success == "conf of x"


def test_who_never_asks_for_anything_keeps_nobody_out() -> None:
    with running(ServerLimits(max_connection_count=3)) as server, ExitStack() as stack:
        for opening in (b"", b"\x00", b"\x00\x00\x00\x09abc") * 3:
            stack.enter_context(server.connection()).sendall(opening)
        with server.client() as client:
            assert client.getTopologyConf("x") == "conf of x"


def test_nobody_who_is_being_served_has_to_go() -> None:
    with running(ServerLimits(max_connection_count=1)) as server, server.connection() as first:
        first.sendall(call("beginUpdateBlob", key="jar"))
        server.wait_until_held(len(call("beginUpdateBlob", key="jar")) - 4)
        with server.connection() as second:
            assert is_closed(second)
        server.loop.call_soon_threadsafe(server.handler.met.set)
        assert read_reply(first)[3].success == "jar"


def test_when_too_much_is_held_the_greediest_unfinished_frame_goes_and_others_are_served(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = ServerLimits(max_frame_bytes=2 * MIB, max_held_bytes=2 * MIB)
    with running(limits) as server, server.connection() as greedy, server.client() as client:
        greedy.sendall((2 * MIB).to_bytes(4) + bytes(2 * MIB - 1))
        server.wait_until_held(2 * MIB - 1)
        client.submitTopology("words", "", "x" * MIB, None)
        assert server.handler.submitted[-1] == ("words", "", "x" * MIB, None)
        assert is_closed(greedy)
    assert "2,097,151 of them for this one" in caplog.text


def test_a_frame_that_does_not_fit_beside_requests_being_worked_on_is_given_up() -> None:
    limits = ServerLimits(max_frame_bytes=2 * MIB, max_held_bytes=2 * MIB)
    with (
        running(limits) as server,
        server.client() as client,
        server.connection() as greedy,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(client.beginUpdateBlob, "x" * MIB)
        server.wait_until_held(MIB)
        greedy.sendall((2 * MIB).to_bytes(4) + bytes(MIB))
        assert is_closed(greedy)
        with server.client() as third:
            third.finishBlobUpload("any")
        assert waiting.result(10) == "x" * MIB


def test_replies_that_nobody_takes_count_too_and_the_largest_goes(caplog: pytest.LogCaptureFixture) -> None:
    limits = ServerLimits(max_frame_bytes=10 * MIB, max_held_bytes=10 * MIB)
    with running(limits) as server, server.connection() as lazy, server.client() as client:
        server.handler.met.set()
        lazy.sendall(call("beginUpdateBlob", key="x" * 8 * MIB))
        server.wait_until_moving(8 * MIB)
        client.submitTopology("words", "", "x" * 3 * MIB, None)
    assert "8,388,6" in caplog.text


def test_announcing_a_large_frame_takes_nothing_from_others() -> None:
    limits = ServerLimits(max_frame_bytes=2 * MIB, max_held_bytes=2 * MIB)
    with running(limits) as server, server.connection() as boaster, server.client() as client:
        boaster.sendall((2 * MIB).to_bytes(4) + b"\x80")
        client.submitTopology("words", "", "x" * MIB, None)
        assert server.handler.submitted[-1] == ("words", "", "x" * MIB, None)
        boaster.settimeout(0)
        with pytest.raises(BlockingIOError):
            boaster.recv(1)


def test_what_a_request_held_is_given_back_after_its_reply() -> None:
    limits = ServerLimits(max_frame_bytes=2 * MIB, max_held_bytes=2 * MIB)
    with running(limits) as server, server.client() as client:
        for _ in range(5):
            client.submitTopology("words", "", "x" * MIB, None)
        assert len(server.handler.submitted) == 5


def test_a_port_in_use_is_an_error() -> None:
    with running() as server:
        other = ThriftServer(storm.Nimbus, Handler())
        with pytest.raises(OSError, match="in use"):
            server.run(other.start("127.0.0.1", server.port))


def test_closing_ends_idle_and_busy_connections_quietly_and_frees_the_port(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running() as server, server.connection() as idle, server.connection() as busy:
        idle.sendall(call("getNimbusConf"))
        read_reply(idle)
        busy.sendall(call("getNimbusConf") + call("beginUpdateBlob", key="jar"))
        read_reply(busy)
        server.run(server.server.close())
        assert is_closed(idle)
        assert is_closed(busy)
        with pytest.raises(ConnectionRefusedError), server.connection():
            pass
        assert server.run(server.server.start("127.0.0.1", server.port)) == ("127.0.0.1", server.port)
        with server.client() as client:
            assert client.getNimbusConf() == "{}"
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_frame_bytes": 0},
        {"max_frame_bytes": 2, "max_held_bytes": 1},
        {"max_connection_count": 0},
        {"frame_timeout_s": 0},
    ],
)
def test_limits_that_serve_nobody_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        ServerLimits(**wrong)
