"""Many clients against one or several servers, with the same texts; every answer is checked.

    scripts/load                                                                (builds and installs what is missing)
    python bench/load/load.py --clients 16 --calls 10000 --model models/tiny
    python bench/load/load.py --targets bgem3-server score.py flagembedding in-process --calls 40
    python bench/load/load.py --targets bgem3-server --length 2000 --calls 20 --timeout 600
    python bench/load/load.py --clients 64 --max-requests 16 --queue-requests 0 --burst --length 500 --texts-per-call 8
    LOAD_KEY=... python bench/load/load.py --url https://NAME.REGION.inference.ml.azure.com/score --calls 100

Targets:
  bgem3-server            the server in C++
  score.py                deploy/azureml/score.py under azureml-inference-server-http, with deployment.yml's settings
  flagembedding           FlagEmbedding under the same server with its defaults: what users have today
  flagembedding-threads   the same with threads, kept connections and a lock
  in-process              one encode() of all texts with bgem3's Python package: the most that a server can reach
  stub                    bgem3-server without a model
  --url                   anything that takes {"input": [...]} and answers with a list of vectors

Exit status: 0 every call was answered once with the right vectors (of a burst, all but exactly the surplus), and memory did
not grow; 1 not so; 2 wrong usage.
"""

import argparse
import functools
import os
import pathlib
import signal
import sys

from client import Endpoint
from report import Report
from run import IN_PROCESS, STUB, TARGETS, URL, Run
from servers import ROOT, ServerError
from workload import LENGTHS

PROCESSORS = len(os.sched_getaffinity(0))
REFERENCE_HELP = """whose vectors are right: those of bgem3 in a process of its own, or what the server itself answers to one client
    [server for stub and --url, else library]"""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_load_options(parser)
    add_server_options(parser)
    options = parser.parse_args(arguments)
    check(parser, options)
    for name in ("model", "build", "inference_server", "logs"):
        setattr(options, name, getattr(options, name).resolve())
    options.targets = list(dict.fromkeys(options.targets or ([] if options.url else ["bgem3-server"])))
    options.targets += [URL] if options.url else []
    return options


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.length not in LENGTHS and not (options.length.isdigit() and int(options.length) >= 8):
        parser.error(f"--length should be {', '.join(LENGTHS)} or a number of at least 8; found {options.length}")
    if not (options.model / "config.json").is_file():
        parser.error(f"--model should be a model directory; there is no {options.model / 'config.json'}")
    if options.burst and set(options.targets or ()) - {"bgem3-server"}:
        parser.error("--burst is for targets that have a limit of requests and work to do: bgem3-server and --url")
    if options.url:
        try:
            Endpoint.of_url(options.url)
        except ValueError as error:
            parser.error(f"--url: {error}")


def add_load_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    number = functools.partial(add, type=positive, metavar="N")
    add("--targets", nargs="+", choices=TARGETS, metavar="NAME", help="[bgem3-server]")
    add("--url", help="a server that runs already; its key in the environment variable LOAD_KEY")
    number("--clients", default=16, help="clients, each with a connection of its own [%(default)s]")
    number("--calls", default=10000, help="calls of each client, one after another [%(default)s]")
    number("--seconds", help="no client begins another call after so many [all calls are made]")
    number("--warm-up", default=10, help="calls of each client before, not counted [%(default)s]")
    number("--texts-per-call", default=1, help="[%(default)s]")
    add("--length", default="short", help="short (4 to 40 tokens), mixed (6 to 1024), or a number [%(default)s]")
    number("--distinct", default=1000, help="different texts, at most [%(default)s]")
    add("--route", default="/score", help="/score, /embed or /v1/embeddings [%(default)s]")
    add("--reference", choices=("library", "server"), help=REFERENCE_HELP)
    add("--tolerance", type=float, default=1e-5, help="largest difference of an element [%(default)s]", metavar="X")
    add("--timeout", type=float, default=60, help="for a call [%(default)s]", metavar="SECONDS")
    number("--processes", default=PROCESSORS, help="that the clients are dealt out to [one a processor]")
    add("--no-ceiling", action="store_true", help="do not measure what the generator reaches against the stub before")
    add("--burst", action="store_true", help="all clients at once, --rounds times: exactly the surplus is refused")
    number("--rounds", default=20, help="of --burst [%(default)s]")
    add("--output", type=pathlib.Path, help="write FILE.json and FILE.png", metavar="FILE")


def add_server_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    number = functools.partial(add, type=positive, metavar="N")
    folder = functools.partial(add, type=pathlib.Path, metavar="DIR")
    folder("--model", default=ROOT / "models/tiny", help="model directory [models/tiny]")
    add("--device", default="cpu", help="[%(default)s]")
    add("--dtype", default="auto", help="of bgem3 [%(default)s]")
    number("--threads", default=PROCESSORS, help="that compute [all processors]")
    number("--batch-size", default=64, help="texts of a batch of bgem3 [%(default)s]")
    number(
        "--max-requests",
        default=16,
        help="requests in work at a time of bgem3-server, and of --url with --burst [%(default)s]",
    )
    add(
        "--queue-requests",
        type=not_negative,
        default=2048,
        help="requests that may wait there; more are refused [%(default)s]",
        metavar="N",
    )
    folder("--build", default=ROOT / "build/release", help="where bgem3-server is [build/release]")
    add(
        "--inference-server",
        type=pathlib.Path,
        default=ROOT / "build/load/inference-server/bin/azmlinfsrv",
        help="the program azmlinfsrv [where scripts/load installs it]",
        metavar="FILE",
    )
    folder("--logs", default=ROOT / "build/load/logs", help="of the servers [build/load/logs]")


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def not_negative(text: str) -> int:
    return positive(text) if text != "0" else 0


def main() -> None:
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the servers, too
    run = Run(options)
    report = Report(options, run.work)
    if not options.burst and not options.no_ceiling and set(options.targets) - {IN_PROCESS, STUB}:
        try:
            report.ceiling = run.ceiling()
        except (ServerError, OSError) as error:
            print(f"without the generator's own ceiling: {error}", file=sys.stderr)
    for target in options.targets:
        report.add(target, run.measure(target))
    report.show()
    sys.exit(1 if report.problems else 0)


if __name__ == "__main__":
    main()
