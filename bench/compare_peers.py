"""bgem3 and its peers side by side: same texts, truncation, precision and threads. What counts are the ratios.

    scripts/bench                                                  (installs the peers first)
    python bench/compare_peers.py --peers FlagEmbedding OpenVINO --workloads "12 x 512" "24 mixed"
    python bench/compare_peers.py --model models/minilm --workloads "1 x 32" "12 x 256" "24 mixed"

Each peer runs in a process of its own, in turns with bgem3. Results are compared before anything is timed.
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import workload_texts
from debian_texts import debian_texts

BENCH = pathlib.Path(__file__).resolve().parent
REST_SECONDS = 0.5  # before each run: until threads of the other engine, which spin after their work, are asleep


@dataclass(frozen=True)
class Peer:
    program: str
    precision: str
    package: str

    @property
    def tolerance(self) -> float:
        """How far a cosine with bgem3's vector, of the same precision, may be from 1."""
        return {"float32": 1e-5, "bfloat16": 1e-2, "int8": 0.2}[self.precision]


def ours(precision: str) -> Peer:
    return Peer("peer_bgem3.py", precision, "bgem3")


PEERS = {
    "FlagEmbedding": Peer("peer_flagembedding.py", "float32", "FlagEmbedding"),
    "sentence-transformers": Peer("peer_sentence_transformers.py", "float32", "sentence-transformers"),
    "sentence-transformers bf16": Peer("peer_sentence_transformers.py", "bfloat16", "sentence-transformers"),
    "transformers": Peer("peer_transformers.py", "float32", "transformers"),
    "ONNX Runtime": Peer("peer_onnxruntime.py", "float32", "onnxruntime"),
    "ONNX Runtime int8": Peer("peer_onnxruntime.py", "int8", "onnxruntime"),
    "OpenVINO": Peer("peer_openvino.py", "float32", "openvino"),
    "OpenVINO bf16": Peer("peer_openvino.py", "bfloat16", "openvino"),
    "OpenVINO int8": Peer("peer_openvino.py", "int8", "openvino"),
    "CTranslate2": Peer("peer_ctranslate2.py", "float32", "ctranslate2"),
    "CTranslate2 int8": Peer("peer_ctranslate2.py", "int8", "ctranslate2"),
}


# Texts


@dataclass(frozen=True)
class Workload:
    texts: list[str]
    batch_size: int = 12


def max_length_of(model: pathlib.Path) -> int:
    """In tokens."""
    return json.loads((model / "sentence_bert_config.json").read_text())["max_seq_length"]


def workloads(model: pathlib.Path, cache: pathlib.Path) -> dict[str, Workload]:
    """Those whose texts the model takes whole; of mixed lengths, what is longer is as long as the model allows."""
    from bgem3 import Tokenizer

    tokenizer, rng, longest = Tokenizer.from_pretrained(model), random.Random(11), max_length_of(model)
    unknown = tokenizer.unk_token_id
    pieces = [piece for piece in workload_texts.pieces() if unknown not in tokenizer(piece)["input_ids"]]

    def text_of(tokens: int) -> str:
        return workload_texts.text_of(min(tokens, longest), pieces, tokenizer, rng)

    short = np.clip(np.random.default_rng(12).lognormal(2.3, 0.4, 1000), 4, 40).astype(int)
    equal = {
        f"{texts} x {tokens}": Workload([text_of(tokens) for _ in range(texts)])
        for texts, tokens in [(1, 16), (1, 32), (12, 256), (12, 512), (1, 2048), (1, 8192)]
        if tokens <= longest
    }
    works = {
        **equal,
        "2 short": Workload(["What is BGE-M3?", "How do I bake bread without yeast?"]),
        "24 mixed": Workload([text_of(n) for n in workload_texts.MIXED]),
        "1000 queries": Workload([text_of(n) for n in short], batch_size=64),
    }
    try:
        real = debian_texts(cache / "debian")
    except RuntimeError as error:
        print(f"without real texts: {error}", file=sys.stderr)
        return works
    works["30 real, multilingual"] = Workload([each["text"] for each in real[:30]])
    return works


# Processes


class Process:
    """A loaded peer; see peers/serving.py."""

    def __init__(self, peer: Peer, model: pathlib.Path, cache: pathlib.Path, threads: int, log: pathlib.Path):
        settings_of_peer = [model, peer.precision, str(threads), cache, str(max_length_of(model))]
        command = [sys.executable, BENCH / "peers" / peer.program, *settings_of_peer]
        settings = {"OMP_NUM_THREADS": str(threads), "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}
        self._log = log.open("w")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **settings},
        )
        self._answer()

    def vectors(self, work: Workload) -> np.ndarray:
        return np.array(self._ask(work, vectors=True)["vectors"], np.float32)

    def seconds(self, work: Workload) -> float:
        time.sleep(REST_SECONDS)
        return self._ask(work)["seconds"]

    def close(self) -> None:
        self._process.communicate()
        self._log.close()

    def _ask(self, work: Workload, **options: bool) -> dict:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"texts": work.texts, "batch_size": work.batch_size, **options}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"it ended; its last words are in {self._log.name}")
        return json.loads(line)


@contextlib.contextmanager
def running(*arguments: object) -> Iterator[Process]:
    process = Process(*arguments)
    try:
        yield process
    finally:
        process.close()


# Measuring


def compare(mine: Process, theirs: Process, peer: Peer, work: Workload, repetitions: int, budget: float) -> dict:
    """Both in turn: `repetitions` times, or fewer, but two, once `budget` seconds are used up."""
    vectors, other = mine.vectors(work), theirs.vectors(work)  # warms both up as well
    cosine = float((vectors * other).sum(axis=1).min())
    if 1 - cosine > peer.tolerance:
        return {"error": f"other results: a cosine of {cosine}"}
    times: list[tuple[float, float]] = []
    started = time.perf_counter()
    while len(times) < repetitions and (len(times) < 2 or time.perf_counter() - started < budget):
        times.append((mine.seconds(work), theirs.seconds(work)))
    seconds = [statistics.median(column) for column in zip(*times)]
    ratios = sorted(b / a for a, b in times)
    return {"seconds": seconds, "ratio": seconds[1] / seconds[0], "ratios": ratios, "cosine": cosine}


def measure_peer(name: str, options: argparse.Namespace, works: dict[str, Workload]) -> Iterator[tuple[str, dict]]:
    """(workload, its row), one after the other; ("all", an error) when the peer cannot go on."""
    peer, cache = PEERS[name], options.cache.resolve() / options.model.resolve().name
    cache.mkdir(parents=True, exist_ok=True)
    rest = (options.model.resolve(), cache, options.threads)
    try:
        # The peer first: it may have to convert the model, which takes memory.
        with (
            running(peer, *rest, cache / f"{name}.log") as theirs,
            running(ours(peer.precision), *rest, cache / "bgem3.log") as mine,
        ):
            for title, work in works.items():
                yield title, compare(mine, theirs, peer, work, options.repetitions, options.budget)
    except RuntimeError as error:
        yield "all", {"error": str(error)}


def measured_before(file: pathlib.Path | None, about: dict[str, object]) -> dict[str, dict[str, dict]]:
    if file is None or not file.with_suffix(".json").is_file():
        return {}
    before = json.loads(file.with_suffix(".json").read_text())
    if any(before.get(key) != value for key, value in about.items() if key != "date"):
        sys.exit(f"--add: {file}.json is of another model, machine or other versions; take another file")
    return before["peers"]


# Telling


def describe(model: str, threads: int) -> dict[str, object]:
    import torch

    with open("/proc/cpuinfo") as lines:
        processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    versions = {}
    for package in ["torch", "bgem3", *(peer.package for peer in PEERS.values())]:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return {
        "date": datetime.date.today().isoformat(),
        "model": model,
        "processor": processor,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": threads,
        "versions": versions,
    }


def cell_of(row: dict) -> str:
    """The ratio of medians, and the lowest and highest of single runs."""
    return f"{row['ratio']:.2f} ({row['ratios'][0]:.2f}-{row['ratios'][-1]:.2f})" if "ratio" in row else "-"


def show(found: dict[str, dict[str, dict]], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("times as fast as", *found, title=title)
    for row in dict.fromkeys(name for rows in found.values() for name in rows):
        table.add_row(row, *(cell_of(rows.get(row, {})) for rows in found.values()))
    Console(width=180).print(table)


def draw(found: dict[str, dict[str, dict]], title: str, file: pathlib.Path) -> None:
    """As PNG and as SVG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FixedLocator, NullLocator

    works = list(dict.fromkeys(name for rows in found.values() for name, row in rows.items() if "ratio" in row))
    figure, axis = plt.subplots(figsize=(13, 5), layout="constrained")
    width = 0.8 / max(1, len(found))
    for k, (name, rows) in enumerate(found.items()):
        measured = [rows.get(work, {}) for work in works]
        heights = np.array([row.get("ratio", np.nan) for row in measured])
        ends = np.array([[row["ratios"][0], row["ratios"][-1]] if "ratio" in row else [np.nan] * 2 for row in measured])
        spread = np.maximum(0, [heights - ends[:, 0], ends[:, 1] - heights])
        style = {"error_kw": {"linewidth": 0.7, "ecolor": "gray"}}
        bars = axis.bar(np.arange(len(works)) + k * width, heights, width, yerr=spread, label=name, **style)
        axis.bar_label(bars, fmt="%.1f", fontsize=7)
    axis.axhline(1, color="black", linewidth=1)
    axis.set(title=title, ylabel="times as fast as", yscale="log", xticks=np.arange(len(works)) + 0.4 - width / 2)
    axis.yaxis.set_major_locator(FixedLocator([0.5, 1, 2, 3, 5, 10, 20]))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter("{x:g}")
    axis.set_xticklabels([work.replace(", ", ",\n") for work in works])
    axis.legend(ncols=8, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    for suffix in (".png", ".svg"):
        figure.savefig(file.with_suffix(suffix), dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default="models/full", help="model directory [%(default)s]")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="NAME", help="[all]")
    parser.add_argument("--workloads", nargs="+", metavar="NAME", help="[all]")
    parser.add_argument("--repetitions", type=int, default=5, help="most runs of each [%(default)s]")
    parser.add_argument("--budget", type=float, default=30, help="seconds for each workload and peer [%(default)s]")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="[all processors]")
    parser.add_argument("--cache", type=pathlib.Path, default="build/peers", help="for converted models [%(default)s]")
    parser.add_argument("--output", type=pathlib.Path, help="write FILE.json, FILE.png and FILE.svg", metavar="FILE")
    parser.add_argument("--add", action="store_true", help="keep what FILE.json has of the same machine and versions")
    options = parser.parse_args()

    works = workloads(options.model, options.cache)
    unknown = set(options.workloads or ()) - works.keys()
    if unknown:
        parser.error(f"--workloads should be some of {', '.join(works)}; found {', '.join(unknown)}")
    works = {name: work for name, work in works.items() if not options.workloads or name in options.workloads}
    about = describe(options.model.resolve().name, options.threads)
    found = measured_before(options.output, about) if options.add else {}
    for name in options.peers:
        rows = found.setdefault(name, {})
        rows.pop("all", None)
        for title, row in measure_peer(name, options, works):
            rows[title] = row
            print(f"{name}, {title}: {row.get('ratio', row.get('error'))}", file=sys.stderr)
            if options.output:  # each time: an hour's figures should not be lost to a stop
                options.output.with_suffix(".json").write_text(json.dumps({**about, "peers": found}, indent=2) + "\n")
    machine = f"{about['processor']} ({about['instructions']}), {about['threads']} threads"
    title = f"bgem3 against its peers, each in the peer's precision; {about['model']}, {machine}"
    show(found, title)
    if options.output:
        draw(found, title, options.output)


if __name__ == "__main__":
    main()
