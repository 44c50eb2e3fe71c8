"""Shows that the default run of scripts/test notices mistakes: plants small faults in a clone, one at a time, and runs the
stages that should catch each.

    python scripts/lib/plant_faults.py build/faults          all of them; takes an hour or two
    python scripts/lib/plant_faults.py build/faults offsets  one or a few, by name

The folder becomes a clone of what is committed here, with a build of its own; models are shared. Run by hand, after
changes to what the stages test. Exits with 1 when a fault is not caught.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Fault:
    name: str
    file: str
    right: str  # occurs once in the file
    wrong: str
    stages: tuple[str, ...]  # one of them should fail; a fault that does not even compile counts, too


FAULTS = [
    Fault(
        "offsets",
        "include/bgem3/tensors/packed_batch.h",
        "offsets.push_back(offsets.back() + static_cast<std::int32_t>(ids.size()));",
        "offsets.push_back(offsets.back() + static_cast<std::int32_t>(ids.size()) - (offsets.size() > 1 ? 1 : 0));",
        ("unit",),
    ),
    Fault(
        "pickle-bounds",
        "src/checkpoint/pickle.cpp",
        'if (count > code_.size()) bad("the pickle is cut off");',
        'if (count > code_.size() + 8) bad("the pickle is cut off");',
        ("asan", "fuzz"),
    ),
    Fault(
        "safetensors-bounds",
        "src/checkpoint/safetensors.cpp",
        "length > header_bytes_max || length > file.size() - length_bytes",
        "length > header_bytes_max",
        ("asan", "fuzz"),
    ),
    Fault(
        "legacy-bounds",
        "src/checkpoint/torch_legacy.cpp",
        "if (!bytes || *bytes > file_.size() - at_) cut_off(expected.key);",
        "if (!bytes) cut_off(expected.key);",
        ("unit",),
    ),
    Fault(
        "kernel-bounds",
        "src/kernels/cuda/layer_norm.cu",
        "if (row >= work.rows) return;\n  const std::int64_t begin = row * work.size;",
        "const std::int64_t begin = row * work.size;",
        ("unit",),
    ),
    Fault(
        "kernel-stride",
        "src/kernels/cuda/truncate_normalize.cu",
        "static_cast<const T*>(work.hidden) + from * work.stride",
        "static_cast<const T*>(work.hidden) + from * work.size",
        ("unit",),
    ),
    Fault(
        "kernel-warp-sum",
        "src/kernels/cuda/launch.cuh",
        "for (int distance = warp_lanes / 2; distance > 0; distance /= 2) {\n      part += ",
        "for (int distance = warp_lanes / 4; distance > 0; distance /= 2) {\n      part += ",
        ("unit",),
    ),
    Fault(
        "kernel-swapped-weight",
        "src/kernels/cuda/layer_norm.cu",
        "input, work.weight, work.bias, static_cast<T*>(work.output) + begin",
        "input, work.bias, work.weight, static_cast<T*>(work.output) + begin",
        ("unit",),
    ),
    Fault(
        "kernel-barrier",
        "src/kernels/cuda/long_attention.cu",
        "4 * part.active_groups()",
        "4 * groups",
        ("unit",),
    ),
    Fault(
        "kernel-query-bounds",
        "src/kernels/cuda/long_attention.cu",
        "queries + (valid ? row * stride : 0) + part * 8, valid);",
        "queries + row * stride + part * 8, true);",
        ("asan",),
    ),
    Fault(
        "epsilon",
        "include/bgem3/families/bert.h",
        "config.layer_norm_eps, options.hidden_dtype",
        "1e-3, options.hidden_dtype",
        ("unit", "parity"),
    ),
    Fault(
        "folded-trailer",
        "src/server/http/session.cpp",
        "if (has_folded_line(received.substr(line_end + 2)))",
        "if (has_folded_line(received.substr(line_end)))",
        ("fuzz", "server"),
    ),
    Fault(
        "pieces-of-a-body",
        "src/server/http/arriving_body.h",
        "return body_.size() - before;",
        "return before == 0 ? body_.size() : body_.size() - before + 1;",
        ("fuzz", "server"),
    ),
    Fault(
        "pooling",
        "include/bgem3/layers/pooling.h",
        "hidden.mean(0, /*keepdim=*/false, at::kFloat)",
        "hidden.amax(0).to(at::kFloat)",
        ("unit", "parity"),
    ),
    Fault(
        "weights",
        "include/bgem3/families/weight_binder.h",
        "attention.key_value = one_below_the_other({key, value});",
        "attention.key_value = one_below_the_other({value, key});",
        ("unit", "parity"),
    ),
    Fault(
        "layout",
        "src/kernels/cpu/linear.cpp",
        "return inputs < onednn_inputs_min ?",
        "return inputs < onednn_inputs_min && inputs < 0 ?",
        ("unit",),
    ),
    Fault(
        "lock",
        "src/batching/request_queue.cpp",
        "const std::size_t texts = request->ids().size();\n  const std::lock_guard lock(mutex_);",
        "const std::size_t texts = request->ids().size();",
        ("tsan",),
    ),
    Fault(
        "changed-weights",
        "src/pipeline/batch_runner.cpp",
        "started.transfer.wait();\n    expect_unchanged_files(runner_.model_, runner_.caller_);",
        "started.transfer.wait();",
        ("unit",),
    ),
    Fault(
        "lost-answer",
        "src/batching/batch_worker.cpp",
        "if (waiting > 1) return compute_each_alone(batch);",
        "if (waiting > 1) return;",
        ("unit",),
    ),
    Fault(
        "header",
        "include/bgem3/tensors/packed_batch.h",
        "#include <ATen/ops/empty.h>\n",
        "",
        ("build",),
    ),
    Fault(
        "python-default",
        "python/bgem3/m3.py",
        "passage_max_length: int = 512",
        "passage_max_length: int = 256",
        ("python",),
    ),
    Fault(
        "route",
        "src/server/routes/score.cpp",
        "EmbeddingTask task;",
        'EmbeddingTask task;\n  if (texts_max > 0) throw Error(ErrorCode::internal, "planted");',
        ("server",),
    ),
    Fault("symbol", "cmake/exports.map", "bgem3::*;", "*;", ("build",)),
    Fault(
        "token-rule",
        "src/tokenizer/normalizer.cpp",
        "whole_cluster_bytes = 6",
        "whole_cluster_bytes = 3",
        ("unit", "parity"),
    ),
    Fault(
        "rounding",
        "src/kernels/cpu/elements.h",
        "(bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16",
        "bits >> 16",
        ("unit", "parity", "python"),
    ),
    Fault("command", "src/cli/main.cpp", "  return 1;", "  return 3;", ("cli",)),
    Fault("layers", "src/base/dtype.cpp", '#include "bgem3/dtype.h"', '#include "bgem3/bgem3.h"', ("lint",)),
    Fault("tidy", "src/base/dtype.cpp", "namespace bgem3 {\n", "namespace bgem3 {\ntypedef int Planted;\n", ("lint",)),
    Fault("readme", "README.md", "bgem3::l2_normalize(bgem3::pool(", "bgem3::l2_norm(bgem3::pool(", ("build",)),
]


def run(directory: pathlib.Path, *stages: str) -> tuple[bool, str]:
    """Whether scripts/test passes there, and its last line."""
    command = [directory / "scripts" / "test", *stages]
    first_failure = {**os.environ, "PYTEST_ADDOPTS": "-x"}  # is enough
    done = subprocess.run(
        command, env=first_failure, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    lines = done.stdout.strip().splitlines()
    (directory / "build" / "last-run.log").write_text(done.stdout)
    return done.returncode == 0, lines[-1] if lines else ""


def clone(directory: pathlib.Path) -> None:
    subprocess.run(["git", "clone", "--quiet", ROOT, directory], check=True)
    (directory / "models").symlink_to(ROOT / "models")
    (directory / "build").mkdir()


def plant(directory: pathlib.Path, fault: Fault) -> tuple[str, str]:
    """The stage that caught the fault, or none, and the last line of the last stage that ran."""
    file = directory / fault.file
    text = file.read_text("utf-8")
    if text.count(fault.right) != 1:
        raise SystemExit(f"{fault.name}: {fault.file} has '{fault.right}' {text.count(fault.right)} times, not once")
    file.write_text(text.replace(fault.right, fault.wrong), "utf-8")
    last = ""
    try:
        for stage in fault.stages:
            passed, last = run(directory, stage)
            if not passed:
                return stage, last
        return "", last
    finally:
        file.write_text(text, "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path, help="where the clone goes, or is")
    parser.add_argument("names", nargs="*", help="faults; all by default")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {fault.name for fault in FAULTS}:
        parser.error(f"no such faults: {', '.join(sorted(unknown))}")
    directory = arguments.directory.resolve()
    if not directory.exists():
        clone(directory)
    faults = [fault for fault in FAULTS if not arguments.names or fault.name in arguments.names]
    missed, sound = 0, set()
    for fault in faults:
        started = time.monotonic()
        stage, last = plant(directory, fault)
        missed += not stage
        verdict = f"caught by {stage}" if stage else f"MISSED by {', '.join(fault.stages)}"
        print(f"{fault.name:20} {time.monotonic() - started:6.0f} s  {verdict}: {last}", flush=True)
        if stage and stage not in sound:  # what fails without a fault proves nothing with one
            passed, last = run(directory, stage)
            if not passed:
                raise SystemExit(f"{stage} fails without a fault: {last}")
            sound.add(stage)
    print(f"{len(faults) - missed} of {len(faults)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
