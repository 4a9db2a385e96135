"""The client against servers that fail in every way a server can."""

import socket
import threading

import pytest

from storm_compat.client import (
    NimbusAddress,
    NimbusClient,
    NimbusFailed,
    NimbusUnreachable,
    TopologyNotAlive,
    decode_topology,
)
from storm_compat.thrift import idl


@pytest.fixture
def server():
    """Return a function that answers the first bytes of one client in a given way."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(answer):
        def work():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                if answer is not None:
                    connection.sendall(answer)
                else:
                    released.wait(10)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return NimbusAddress(*listener.getsockname())

    released = threading.Event()
    yield serve
    released.set()
    for thread in threads:
        thread.join(10)
    listener.close()


def reply(kind, name, body):
    message = (0x80010000 | kind).to_bytes(4) + len(name).to_bytes(4) + name + bytes(4) + body
    return len(message).to_bytes(4) + message


def call(address, method="is_name_allowed", *arguments, timeout_s=5.0):
    with NimbusClient(address, call_timeout_s=timeout_s) as client:
        return getattr(client, method)(*(arguments or ("x",)))


def test_an_answer_is_an_answer(server):
    assert call(server(reply(2, b"isTopologyNameAllowed", b"\x02\x00\x00\x01\x00"))) is True


def test_a_declared_exception_has_a_class_here(server):
    not_alive = b"\x0c\x00\x01" + b"\x0b\x00\x01" + (14).to_bytes(4) + b"x is not alive" + b"\x00\x00"
    with pytest.raises(TopologyNotAlive, match=r"^x is not alive$"):
        call(server(reply(2, b"activate", not_alive)), "activate")


def test_an_internal_error_names_the_call(server):
    text = b"Internal error processing isTopologyNameAllowed"
    body = b"\x0b\x00\x01" + len(text).to_bytes(4) + text + b"\x08\x00\x02\x00\x00\x00\x06\x00"
    with pytest.raises(NimbusFailed, match="Nimbus failed in isTopologyNameAllowed: Internal error"):
        call(server(reply(3, b"isTopologyNameAllowed", body)))


def test_a_closed_connection_is_unreachable(server):
    with pytest.raises(NimbusUnreachable, match="connection lost in isTopologyNameAllowed"):
        call(server(b""))


def test_a_server_that_never_answers_is_given_up(server):
    with pytest.raises(NimbusUnreachable, match=r"no answer to isTopologyNameAllowed within 0\.2 s"):
        call(server(None), timeout_s=0.2)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x00\x00\x04oops", b"\x00"])
def test_a_server_of_another_kind_is_no_nimbus(server, answer):
    with pytest.raises(NimbusUnreachable):
        call(server(answer))


def test_nothing_listening_is_unreachable():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        address = NimbusAddress(*sock.getsockname())
        with pytest.raises(NimbusUnreachable, match="Connection refused"), NimbusClient(address):
            pass


def test_addresses_of_ipv6_are_written_with_brackets():
    assert str(NimbusAddress("::1", 5)) == "[::1]:5"


@pytest.mark.parametrize("data", [b"", b"\x00", b"text", b"\xff" * 40])
def test_what_is_no_topology_is_refused(data):
    with pytest.raises(ValueError, match="not the Thrift binary of a StormTopology"):
        decode_topology(data)


def test_a_topology_survives_its_binary_form():
    from thriftpy2.protocol import TBinaryProtocol
    from thriftpy2.transport import TMemoryBuffer

    buffer = TMemoryBuffer()
    made = idl.load().StormTopology(spouts={}, bolts={}, state_spouts={})
    made.write(TBinaryProtocol(buffer))
    assert decode_topology(buffer.getvalue()) == made
