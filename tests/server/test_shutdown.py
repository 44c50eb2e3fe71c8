"""SIGTERM and SIGINT: what was accepted is answered, then the process ends with 0."""

import json
import signal
import threading
import time

import httpx
import pytest
from server import Server, answer_on, connected, head, in_background, post_bytes, refused
from waiting import wait_for

SIGNALS = [signal.SIGTERM, signal.SIGINT]
BUSY = 16


def sleeper(server: Server, milliseconds: int):
    return lambda: server.post("/score", [f"sleep {milliseconds}"])


@pytest.mark.parametrize("number", SIGNALS)
def test_requests_in_work_and_in_the_queue_are_answered(start_stub, number):
    with start_stub("--batch-size", 4, "--max-requests", BUSY) as server:
        with in_background(*[sleeper(server, 400)] * BUSY) as answers:
            server.wait_for_work(BUSY)
            port = server.port
            assert server.stop(number) == 0
            assert {answer.result().status_code for answer in answers} == {200}
            closing = [answer.result().headers.get("connection", "").lower() for answer in answers]
            assert "close" in closing
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)


@pytest.mark.parametrize("keep_alive", [True, False])
def test_no_accepted_request_is_lost_under_load(start_stub, keep_alive):
    """Every request in the server's log was answered, with that status; the others were never accepted."""
    answered: dict[str, int] = {}
    headers = {} if keep_alive else {"Connection": "close"}

    def ask_again_and_again(number: int) -> None:
        for i in range(100_000):
            request_id = f"{number}-{i}"
            try:
                response = server.post("/score", ["sleep 5"], headers={**headers, "x-request-id": request_id})
            except httpx.TransportError:
                return
            answered[request_id] = response.status_code

    with start_stub("--max-requests", BUSY) as server:
        threads = [threading.Thread(target=ask_again_and_again, args=(number,)) for number in range(BUSY)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        assert server.stop() == 0
        for thread in threads:
            thread.join()
        ids = [value for line in server.logs for value in line.values() if value in answered or is_id(value)]
        lost = set(ids) - answered.keys()
    assert len(answered) > 100 and set(answered.values()) <= {200, 503}
    assert list(answered.values()).count(200) > 100
    assert not lost


def is_id(value: object) -> bool:
    number, _, count = value.partition("-") if isinstance(value, str) else ("", "", "")
    return number.isdigit() and count.isdigit() and int(number) < BUSY


def test_request_that_is_being_received_is_answered(start_stub):
    request = post_bytes("/score", b'["a"]')
    with start_stub() as server, connected(server) as connection:
        connection.sendall(request[:-2])
        time.sleep(0.2)
        server.process.terminate()
        time.sleep(0.3)
        connection.sendall(request[-2:])
        response = answer_on(connection)
        if response.status_code != 200:
            refused(response, 503, "shutting_down")
        assert response.headers["connection"].lower() == "close"
        assert server.process.wait(timeout=20) == 0


def test_not_ready_while_shutting_down(start_stub):
    """Seen on a connection that was open before; a new one is refused."""
    with start_stub() as server, connected(server) as probe, connected(server) as other:
        probe.sendall(head("GET", "/ready"))
        assert answer_on(probe).status_code == 200
        with in_background(sleeper(server, 1500)) as (answer,):
            server.wait_for_work(1)
            server.process.terminate()
            time.sleep(0.3)
            for connection, request, status in ((probe, head("GET", "/ready"), 503), (other, head("GET", "/"), 200)):
                try:
                    connection.sendall(request)
                    assert answer_on(connection).status_code == status
                except ConnectionError:  # closed, because nothing was asked on it
                    pass
            with pytest.raises(ConnectionRefusedError), connected(server):
                pass
            assert not answer.done()
            assert answer.result().status_code == 200
        assert server.process.wait(timeout=20) == 0


def test_idle_connections_do_not_delay_the_end(start_stub):
    with (
        start_stub("--read-timeout-ms", 2000) as server,
        connected(server),
        connected(server) as idle,
        connected(server) as half,
    ):
        idle.sendall(head("GET", "/health"))
        assert answer_on(idle).status_code == 200
        half.sendall(b"POST /score HT")
        time.sleep(0.1)
        begin = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin < 4  # the time in which a request has to arrive, and a little


def test_end_is_forced_after_a_while(start_stub):
    """Whatever is left: the exit status tells that something was."""
    with start_stub("--shutdown-timeout-ms", 300, "--request-timeout-ms", 60000) as server:
        with in_background(lambda: unanswered(server)):
            server.wait_for_work(1)
            begin = time.monotonic()
            assert server.stop() == 1
            assert time.monotonic() - begin < 3


def unanswered(server: Server) -> None:
    with pytest.raises(httpx.TransportError):
        server.post("/score", ["stall 20000"])


def test_client_that_never_reads_does_not_keep_it_alive(start_stub):
    body = json.dumps({"inputs": ["a text " * 500] * 1000}).encode()
    limits = ["--shutdown-timeout-ms", 2000, "--request-timeout-ms", 10_000]
    with start_stub(*limits) as server, connected(server) as connection:
        connection.sendall(post_bytes("/embed_all", body))
        connection.recv(1)
        begin = time.monotonic()
        assert server.stop() in (0, 1)
        assert time.monotonic() - begin < 6


def test_end_of_a_terminal_is_no_end(start_stub):
    with start_stub() as server:
        server.process.send_signal(signal.SIGHUP)
        assert server.post("/score", ["a"]).status_code == 200


def test_signals_that_come_twice(start_stub):
    """As when a supervisor and a terminal both send one: the requests are still answered."""
    with start_stub() as server:
        with in_background(sleeper(server, 1000)) as (answer,):
            server.wait_for_work(1)
            server.process.terminate()
            time.sleep(0.1)
            server.process.terminate()
            assert answer.result().status_code == 200
        assert server.process.wait(timeout=20) == 0


def test_end_is_logged(start_stub):
    with start_stub() as server:
        count = len(server.logs)
        assert server.stop() == 0
        wait_for(lambda: len(server.logs) > count, seconds=1)
