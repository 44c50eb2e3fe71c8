"""A copy of scripts/gpu_check with a bundle of stubs: they write down how they were called, and what lay in the output."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACHINE = {"torch": "2.11.0", "torch_directory": "/nowhere", "cuda": "13.0", "gpu": "a GPU", "transformers": True}
DOCTEST = "[doctest] test cases:   4 |   4 passed | 0 failed | 0 skipped"

# HANG and FAIL hold a part of the words of a call that is to do so.
STUB = """#!/usr/bin/env bash
call="$(basename "$0") ${*//$'\\n'/ }"
echo "$(ls "$STUB_OUTPUT" 2>/dev/null | wc -l) $call" >>"$STUB_CALLS"
[[ $call != timeout* ]] || exec /usr/bin/timeout "$@"
[[ -z ${HANG-} || $call != *$HANG* ]] || exec sleep 60
[[ -z ${FAIL-} || $call != *$FAIL* ]] || { echo "version not found" >&2 && exit 3; }
"""
# What each program is beside that.
PROGRAMS = {
    "bgem3": "echo bgem3 0.0",
    "bgem3-server": "",
    "bgem3_cuda_tests": f"echo '{DOCTEST}'",
    "bgem3_gpu_tests": f"echo '{DOCTEST}'",
    "bgem3_bench_cuda": """for word in "$@"; do
  [[ $word != --benchmark_out=* ]] || cp "$STUB_FILES/bench.json" "${word#*=}"
done""",
}
TOOLS = {
    "compute-sanitizer": "echo '========= ERROR SUMMARY: 0 errors'",
    "timeout": "",
    "nvcc": "",
    "ninja": "",
    "g++": "",
    # As a build leaves them.
    "cmake": """if [[ $1 == --build ]]; then
  mkdir -p "$2/tests/gpu" "$2/bench"
  for file in bgem3 tests/bgem3_cuda_tests tests/gpu/bgem3_gpu_tests bench/bgem3_bench_cuda \\
    libbgem3.so.0 libbgem3_cuda.so libbgem3_cli_model.so; do
    cp "$STUB_FILES/programs/$(basename "$file")" "$2/$file" 2>/dev/null || touch "$2/$file"
  done
fi""",
    "python3": f"""case $1 in
  */gpu_machine.py) echo "$STUB_MACHINE" ;;
  */make.py) ;;
  */cuda_peers.py)
    touch "${{3%.json}}.draft"
    echo "$(ls "$STUB_OUTPUT" | wc -l) draft" >>"$STUB_CALLS"
    rm "${{3%.json}}.draft"
    echo '{{"FlagEmbedding": {{"1 x 32": 0.02}}}}' >"$3"
    ;;
  */cuda_program.py) echo '{{"first_vector_seconds": [1, 2, 3]}}' >"$4" ;;
  */gpu_load.py) echo '{{"targets": {{}}, "problems": []}}' >"$4" ;;
  *) exec {sys.executable} "$@" ;;
esac""",
}
BENCH = {
    "context": {},
    "benchmarks": [{"run_name": "1 x 32", "run_type": "iteration", "real_time": 10, "time_unit": "ms"}],
}


@dataclass(frozen=True)
class Call:
    """Of a stub: its words, and how many files the output had by then."""

    files: int
    words: str


class StubTree:
    """Below `folder`; `output` is where results go."""

    def __init__(self, folder: pathlib.Path, machine: dict | None = None):
        self.root, self.output, self._calls = folder / "tree", folder / "output", folder / "calls"
        files, tools = folder / "files", folder / "tools"
        shutil.copytree(ROOT / "scripts", self.root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        _write_stubs(tools, TOOLS)
        _write_stubs(files / "programs", PROGRAMS)
        (files / "bench.json").write_text(json.dumps(BENCH))
        self._bundle(files / "programs", folder / "bundle")
        self._environment = {
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "STUB_CALLS": str(self._calls),
            "STUB_FILES": str(files),
            "STUB_MACHINE": json.dumps(MACHINE | (machine or {})),
            "STUB_OUTPUT": str(self.output),
        }

    def _bundle(self, programs: pathlib.Path, content: pathlib.Path) -> None:
        shutil.copytree(programs, content / "bin")
        (content / "bin/torch-version").write_text("2.11.0\n")
        (content / "bin/built-from").write_text("commit abc\n")
        (content / "models/xlm-r-tokenizer").mkdir(parents=True)
        (self.root / "build").mkdir()
        with tarfile.open(self.root / "build/gpu_bundle.tar.xz", "w:xz") as archive:
            archive.add(content, ".")

    def run(self, *options: str, **environment: str) -> subprocess.CompletedProcess:
        """To its end."""
        command = [self.root / "scripts/gpu_check", "--output", self.output, *options]
        return subprocess.run(command, env=self._environment | environment, capture_output=True, text=True, timeout=120)

    def kill_in(self, stage: str, *options: str, **environment: str) -> None:
        """All processes at once, as soon as the stage has begun."""
        command = [self.root / "scripts/gpu_check", "--output", self.output, *options]
        with subprocess.Popen(
            command,
            env=self._environment | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            end = time.monotonic() + 60
            while f"=== {stage}\n" not in self.log and time.monotonic() < end:
                time.sleep(0.02)
            for pid in _session(process.pid):
                with contextlib.suppress(ProcessLookupError):  # ended with the one before
                    os.kill(pid, signal.SIGKILL)

    @property
    def log(self) -> str:
        file = self.output / "log.txt"
        return file.read_text() if file.exists() else ""

    @property
    def report(self) -> dict:
        return json.loads((self.output / "gpu_check.json").read_text())

    @property
    def calls(self) -> list[Call]:
        lines = self._calls.read_text().splitlines()
        return [Call(int(count), words) for count, words in (line.split(" ", 1) for line in lines)]

    def calls_of(self, name: str) -> list[str]:
        """Words of each call of one program."""
        return [call.words for call in self.calls if call.words.split()[0] == name]


def _session(leader: int) -> list[int]:
    """Its processes, the leader first: each one with a limit has a group of its own."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(int(entry.name)) == leader:
                found.append(int(entry.name))
    return sorted(found)


def _write_stubs(folder: pathlib.Path, stubs: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, body in stubs.items():
        (folder / name).write_text(f"{STUB}{body}\n")
        (folder / name).chmod(0o755)
