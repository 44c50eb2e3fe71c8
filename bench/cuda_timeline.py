"""Where the time of a call on a GPU goes, also outside of its kernels: by torch's profiler, as JSON.

    LD_LIBRARY_PATH=BIN:TORCH/lib python bench/cuda_timeline.py BIN/libbgem3.so.0 models/full timeline.json

Milliseconds of one call, medians: `unprofiled` from beginning to end; then, in calls that are profiled and a little slower,
`before` the GPU has something to do, `busy`, `waits` between two pieces of its work, `late`, which is the part of them in
which the processor had not launched what came next, and `after` the last piece. `kernels`: calls and milliseconds of each.
"""

import argparse
import collections
import ctypes
import json
import pathlib
import statistics
import sys
import tempfile
import time

import cuda_peers
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "c"))
import interface

CALLS = 5
WORKLOADS = {**cuda_peers.WORKLOADS, "1 x 512": [512], "8 x 24": [24] * 8}
ON_GPU = ("kernel", "gpu_memcpy", "gpu_memset")
MARK = "call of encode"


class Texts:
    """As the C interface takes them."""

    def __init__(self, texts: list[str]) -> None:
        encoded = [text.encode() for text in texts]
        self.count = len(encoded)
        self.array = (ctypes.c_char_p * self.count)(*encoded)


class Embedder:
    def __init__(self, library: str, model: str, device: str) -> None:
        self._c = interface.declare(ctypes.CDLL(library))
        options = interface.LoadOptions()
        self._check(self._c.bgem3_load_options_init(options, ctypes.sizeof(options)))
        options.device = device.encode()
        self._handle = ctypes.c_void_p()
        self._check(self._c.bgem3_embedder_load(model.encode(), options, self._handle))

    def encode(self, texts: Texts) -> None:
        found = ctypes.c_void_p()
        self._check(self._c.bgem3_embedder_encode(self._handle, texts.array, None, texts.count, None, found))
        self._c.bgem3_embeddings_free(found)

    def _check(self, status: int) -> None:
        if status != interface.OK:
            raise RuntimeError(self._c.bgem3_last_error().decode())


def unprofiled(embedder: Embedder, texts: Texts) -> float:
    """Median milliseconds of calls for half a second, after some to warm up."""
    for _ in range(CALLS):
        embedder.encode(texts)
    seconds: list[float] = []
    while len(seconds) < CALLS or sum(seconds) < 0.5:
        started = time.perf_counter()
        embedder.encode(texts)
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


def profile(embedder: Embedder, texts: Texts) -> list[dict]:
    """The events of some calls, each with the mark around it."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        for _ in range(CALLS):
            with torch.profiler.record_function(MARK):
                embedder.encode(texts)
            torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(file))
        events = json.loads(file.read_text(encoding="utf-8"))["traceEvents"]
    return [event for event in events if "dur" in event]


def end(event: dict) -> float:
    return event["ts"] + event["dur"]


def split(call: dict, work: list[dict], launches: dict[int, dict]) -> dict[str, float]:
    """The parts of one call, in microseconds; `work`: what the GPU did for it."""
    busy = waits = late = 0.0
    done = work[0]["ts"]
    for event in sorted(work, key=lambda event: event["ts"]):
        wait = max(event["ts"] - done, 0)
        launch = launches.get(event["args"].get("correlation"))
        waits += wait
        late += min(max(end(launch) - done, 0), wait) if launch else 0
        busy += max(end(event) - max(event["ts"], done), 0)
        done = max(end(event), done)
    before = min(event["ts"] for event in work) - call["ts"]
    return {"before": before, "busy": busy, "waits": waits, "late": late, "after": end(call) - done, "all": call["dur"]}


def parts(events: list[dict]) -> dict[str, object]:
    calls = [event for event in events if event["name"] == MARK and event.get("cat") == "user_annotation"]
    launches = {
        event["args"]["correlation"]: event
        for event in events
        if event.get("cat") in ("cuda_runtime", "cuda_driver") and "correlation" in event.get("args", {})
    }
    rows, kernels = [], collections.defaultdict(list)
    for call in calls:
        work = [e for e in events if e.get("cat") in ON_GPU and call["ts"] <= e["ts"] <= end(call)]
        work.sort(key=lambda event: event["ts"])
        rows.append(split(call, work, launches) | {"pieces": 1000 * len(work)})
        for event in work:
            kernels[event["name"][:100]].append(event["dur"])
    most = sorted(kernels.items(), key=lambda item: -sum(item[1]))[:12]
    return {name: round(statistics.median(row[name] for row in rows) / 1000, 3) for name in rows[0]} | {
        "kernels": {name: [len(times) / len(calls), round(sum(times) / len(calls) / 1000, 3)] for name, times in most}
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared_object")
    parser.add_argument("model")
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0", help="[%(default)s]")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), metavar="NAME")
    options = parser.parse_args()
    embedder = Embedder(options.shared_object, options.model, options.device)
    results: dict[str, object] = {}
    for name in options.workloads:
        texts = Texts(cuda_peers.texts_of(WORKLOADS[name]))
        results[name] = {"unprofiled": round(unprofiled(embedder, texts), 3)} | parts(profile(embedder, texts))
        cuda_peers.write(options.output, results)
        shown = {key: value for key, value in results[name].items() if key != "kernels"}
        print(name, shown, flush=True)


if __name__ == "__main__":
    main()
