"""Programs that nobody here wrote, with FlagEmbedding and then with bgem3 in its place; a table tells what differs.

    build/release/integrations/bin/python tests/python/field/run.py ../FlagEmbedding
    python tests/python/field/run.py ../FlagEmbedding --only hn_mine --work /tmp/field

The directory is a clone of FlagEmbedding's repository, of which most programs are; FlagEmbedding itself is the one that is
installed. Programs run unedited under `python -m bgem3.compat`, on the CPU, offline, with small models under the names that
they ask for (stand_ins.py). Examples that name GPUs are edited as their comments say. Needs, beside bgem3: FlagEmbedding,
pytest, faiss-cpu, pytrec_eval-terrier and milvus-model, as in tests/python/integrations/requirements.txt; xinference is
used where it is installed.
"""

import argparse
import importlib.metadata
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import outputs
import programs
import stand_ins

TOLERANCE = 1e-6
TIMEOUT_S = 900
MODELS = pathlib.Path(__file__).resolve().parents[3] / "models"


class Failed(Exception):
    """A program did not end well."""


def main() -> int:
    options = parse_options()
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(options.work or temporary).resolve()
        stand_ins.make_cache(work / "huggingface", options.models)
        known = programs.of_packages()
        if options.repository is not None:
            known += programs.of_repository(options.repository.resolve())
        chosen = [program for program in known if options.only in program.name]
        print(versions(options.repository), "\n")
        print(f"{'program':<66} {'compared':>8} {'difference':>10} {'seconds':>11}  result")
        results = [compare(program, work, f"{i:02}") for i, program in enumerate(chosen)]
    print(f"\n{sum(results)} of {len(results)} agree to {TOLERANCE:g}")
    return 0 if results and all(results) else 1


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "repository", type=pathlib.Path, nargs="?", help="a clone of FlagEmbedding; none: what is installed"
    )
    parser.add_argument("--only", default="", help="programs with this in their name")
    parser.add_argument("--models", type=pathlib.Path, default=MODELS, help="what scripts/models/make.py made")
    parser.add_argument("--work", type=pathlib.Path, help="an empty directory, which is kept")
    return parser.parse_args()


def versions(repository: pathlib.Path | None) -> str:
    names = ("bgem3", "FlagEmbedding", "torch", "transformers", "milvus-model", "xinference")
    there = [name for name in names if any(importlib.metadata.distributions(name=name))]
    installed = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in there)
    if repository is None:
        return installed
    git = ["git", "-c", "safe.directory=*", "-C", str(repository), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip() or "unknown"
    return f"{installed}; programs of FlagEmbedding's repository at commit {commit}"


def compare(program: programs.Program, work: pathlib.Path, folder: str) -> bool:
    """Runs it twice, and prints its line."""
    compared, apart, seconds, result = "", "", "", "ok"
    try:
        theirs, their_seconds = run(program, program.arguments, work, f"{folder}-theirs")
        with_alias = ["-m", "bgem3.compat", *program.arguments]
        ours, our_seconds = run(program, program.our_arguments or with_alias, work, f"{folder}-ours")
        seconds = f"{their_seconds:.0f} / {our_seconds:.0f}"
        count, largest = outputs.difference(ours, theirs)
        compared, apart = str(count), f"{largest:.1e}"
        if largest > TOLERANCE:
            result = "DIFFERS"
    except (Failed, outputs.Differs) as error:
        result = f"FAILED: {error}"
    print(f"{program.name:<66} {compared:>8} {apart:>10} {seconds:>11}  {result}", flush=True)
    return result == "ok"


def run(program: programs.Program, arguments: list[str], work: pathlib.Path, folder: str) -> tuple[Any, float]:
    directory = work / folder
    for name, text in program.files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, "utf-8")
    directory.mkdir(exist_ok=True)
    started = time.monotonic()
    try:
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=directory,
            env=environment(work / "huggingface"),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{folder}: not done after {TIMEOUT_S} seconds") from error
    (directory / "printed.txt").write_text(ended.stdout + ended.stderr, "utf-8")
    if ended.returncode != 0:
        raise Failed(f"{folder}: exit status {ended.returncode}: {(ended.stderr or ended.stdout).strip()[-300:]}")
    return program.output(directory, ended.stdout), time.monotonic() - started


def environment(hub: pathlib.Path) -> dict[str, str]:
    """Without GPUs and the Hub; sets of texts come in one order."""
    offline = {"HF_HOME": str(hub), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    return {
        **os.environ,
        **offline,
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONHASHSEED": "0",
        "TOKENIZERS_PARALLELISM": "false",
    }


if __name__ == "__main__":
    sys.exit(main())
