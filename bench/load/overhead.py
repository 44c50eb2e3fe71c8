"""What HTTP adds to a request of one text: with a model that takes no time, and with a small one against the library itself.

    python bench/load/overhead.py --model models/tiny

stub    time of the client, from its first byte to the last of the answer, less what the server took to tokenise and to
        compute, as its headers say; waits between threads and for a batch count as HTTP's
model   time of the client of bgem3-server, less that of BatchingEmbedder.encode() in this process, in turns with it

Exit status: 0 less than --limit-ms at p50 by both; 1 not so.
"""

import argparse
import contextlib
import os
import pathlib
import signal
import sys
import time
from collections.abc import Callable

import numpy as np
from client import Connection, Endpoint
from protocol import body_of, vectors_in
from rich.console import Console
from rich.table import Table
from servers import ROOT, Program, serving

TEXT = "How do I bake bread without yeast?"
WARM_UP = 200
OWN_TIMES = (b"x-tokenization-time", b"x-inference-time")


def milliseconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


class Asker:
    """A client with one connection and one text."""

    def __init__(self, port: int):
        endpoint, body = Endpoint("127.0.0.1", port), body_of("/score", [TEXT])
        self._connection = Connection(endpoint)
        self._request = endpoint.post(body)
        self.own = 0.0  # what the server itself took for the last request, ms

    def ask(self) -> np.ndarray:
        answer = self._connection.ask(self._request)
        if answer.status != 200:
            raise SystemExit(f"error: expected a vector, found status {answer.status}: {answer.body!r}")
        self.own = sum(float(answer.headers[name]) for name in OWN_TIMES)
        return vectors_in(answer.body)


def against_stub(asker: Asker, calls: int) -> tuple[np.ndarray, np.ndarray]:
    """Times of the client, and of the model within them."""
    times = [(milliseconds(asker.ask), asker.own) for _ in range(WARM_UP + calls)]
    client, own = np.array(times[WARM_UP:]).T
    return client, own


def against_library(asker: Asker, encode: Callable[[], np.ndarray], calls: int) -> tuple[np.ndarray, np.ndarray]:
    """Times of the client, and of a call in this process, in turns."""
    difference = float(np.abs(asker.ask() - encode()).max())
    if difference > 1e-5:
        raise SystemExit(f"error: the server's vector differs by {difference:.1e} from the library's")
    times = [(milliseconds(asker.ask), milliseconds(encode)) for _ in range(WARM_UP + calls)]
    client, own = np.array(times[WARM_UP:]).T
    return client, own


def table_of(rows: dict[str, tuple[np.ndarray, np.ndarray]], added: dict[str, np.ndarray]) -> Table:
    table = Table("ms", "client p50", "p99", "model p50", "p99", "added by HTTP p50", "p99")
    for name, pair in rows.items():
        cells = [np.percentile(times, p) for times in (*pair, added[name]) for p in (50, 99)]
        table.add_row(name, *(f"{cell:.3f}" for cell in cells))
    return table


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", type=pathlib.Path, default=ROOT / "models" / "tiny", help="model directory [models/tiny]")
    add("--calls", type=int, default=5000, help="of each kind [%(default)s]")
    add("--limit-ms", type=float, default=1.0, help="that HTTP may add at p50 [%(default)s]")
    add("--build", type=pathlib.Path, default=ROOT / "build" / "release", help="where the servers are [build/release]")
    return parser.parse_args()


def main() -> None:
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the servers, too
    # Threads of two processes that wait for each other's processors would be all that is measured.
    os.environ["OMP_NUM_THREADS"] = "1"
    from bgem3 import BatchingEmbedder

    build, model = options.build.resolve(), str(options.model.resolve())
    rows = {}
    with contextlib.ExitStack() as stack:

        def start(program: str) -> Asker:
            command = [str(build / program), "--model", model, "--port", "{port}"]
            log = ROOT / "build" / "load" / "logs" / f"overhead-{pathlib.Path(program).name}.log"
            return Asker(stack.enter_context(serving(Program(command, {}, "/ready"), log)).port)

        rows["stub"] = against_stub(start("tests/server/bgem3_stub_server"), options.calls)
        embedder = stack.enter_context(BatchingEmbedder(model, device="cpu"))
        encode = lambda: np.asarray(embedder.encode([TEXT])["dense"])
        rows["model"] = against_library(start("bgem3-server"), encode, options.calls)
    # Of the stub by request; of the model by rank, since a call in this process is no part of one to the server.
    added = {"stub": rows["stub"][0] - rows["stub"][1], "model": np.sort(rows["model"][0]) - np.sort(rows["model"][1])}
    Console(width=120).print(table_of(rows, added))
    is_met = all(np.percentile(times, 50) < options.limit_ms for times in added.values())
    print(f"HTTP adds {'less' if is_met else 'NOT less'} than {options.limit_ms} ms at p50")
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
