"""scripts/gpu_check: order, limits and parts of its stages, and what is left of a run that was stopped. With stubs of programs."""

import re
import shutil
import subprocess

import pytest
from gpu_check_stubs import ROOT, StubTree

MOST_FILES = 8
WHOLE_RUN_SECONDS = 540
SEPARATE = "load"  # the part that a run without --only leaves out


def listed() -> list[tuple[str, str, int]]:
    """Part, name and limit of each stage."""
    command = [ROOT / "scripts/gpu_check", "--list"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    fields = [line.split() for line in lines]
    assert all(unit == "s" for *_, unit in fields)
    return [(part, name, int(limit)) for part, name, limit, _ in fields]


def stages_of(log: str) -> list[str]:
    """Names in the order in which they ended."""
    return re.findall(r"^=== ([\w-]+): ", log, re.MULTILINE)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> StubTree:
    """After a run without --only."""
    tree = StubTree(tmp_path_factory.mktemp("whole"))
    done = tree.run()
    assert done.returncode == 0, done.stderr
    return tree


def test_the_limits_of_a_whole_run_are_nine_minutes_at_most():
    assert sum(limit for part, _, limit in listed() if part != SEPARATE) <= WHOLE_RUN_SECONDS


def test_all_stages_run_in_their_order_kernels_first_on_the_gpu(whole):
    expected = [name for part, name, _ in listed() if part != SEPARATE]
    assert stages_of(whole.log) == expected
    areas = [re.search(r"test_(\w+)\.cpp", words)[1] for words in whole.calls_of("bgem3_gpu_tests")]
    assert areas == ["kernels", "attention", "products", "streams", "embedder", "graphs", "float8"]


def test_every_stage_is_stopped_at_its_limit(whole):
    wanted = {name: limit for part, name, limit in listed() if part != SEPARATE}
    found = [re.match(r"timeout --kill-after=(\d+) (\d+) ", words) for words in whole.calls_of("timeout")]
    assert sorted(int(match[1]) + int(match[2]) for match in found) == sorted(wanted.values())


def test_the_model_of_full_size_is_made_beside_the_tests(whole):
    words = [call.words for call in whole.calls]
    (full,) = [n for n, call in enumerate(words) if call == "python3 scripts/models/make.py full"]
    assert full < min(n for n, call in enumerate(words) if "test_graphs" in call)


def test_there_are_never_more_files_than_may_be_carried_back(tmp_path):
    tree = StubTree(tmp_path)
    for options in ([], ["--only", "load"], ["--only", "peers"]):
        assert tree.run(*options).returncode == 0
    assert max(call.files for call in tree.calls) == max(call.files for call in tree.calls if call.words == "draft")
    assert max(call.files for call in tree.calls) <= MOST_FILES
    assert len(list(tree.output.iterdir())) <= MOST_FILES


def test_the_benchmarks_are_split_and_put_together_again(whole):
    filters = [re.search(r"--benchmark_filter=(-?)", words)[1] for words in whole.calls_of("bgem3_bench_cuda")]
    assert filters == ["", "-"]
    assert len(whole.report["benchmarks"]["benchmarks"]) == 2
    assert whole.report["times_as_fast"] == {"FlagEmbedding": {"1 x 32": 2.0}}


def test_the_report_says_how_each_stage_ended(whole):
    report = whole.report
    assert {stage["status"] for stage in report["stages"].values()} == {0}
    assert {each["passed"] for each in report["tests"].values()} == {4}
    assert (len(report["tests"]), report["sanitizer_errors"], report["device"]) == (8, 0, "a GPU")
    assert report["programs"] == "carried; commit abc"


def test_parts_in_calls_of_their_own_come_to_the_same(tmp_path, whole):
    tree = StubTree(tmp_path)
    for options in (["--only", "tests"], ["--only", "bench-kernels"], ["--only", "bench-calls,peers"]):
        assert tree.run(*options).returncode == 0
    assert set(tree.report["stages"]) == set(whole.report["stages"]) - {"program"}
    assert tree.run("--only", "peers", "--only", "program").returncode == 0
    found, expected = tree.report, whole.report
    assert {**found, "date": "", "stages": set(found["stages"])} == {
        **expected,
        "date": "",
        "stages": set(expected["stages"]),
    }
    assert max(call.files for call in tree.calls) <= MOST_FILES


def test_only_runs_nothing_else(tmp_path):
    tree = StubTree(tmp_path)
    assert tree.run("--only", "bench").returncode == 0
    assert stages_of(tree.log) == ["models", "full", "bench-kernels", "bench-calls"]
    assert tree.calls_of("bgem3_gpu_tests") == []


def test_the_load_runs_by_itself_alone(tmp_path):
    tree = StubTree(tmp_path)
    assert tree.run("--only", "load").returncode == 0
    assert stages_of(tree.log) == ["models", "full", "load"]
    assert tree.report["load"]["problems"] == []
    calls = lambda: [words for words in tree.calls_of("python3") if "/gpu_load.py" in words]
    (words,) = calls()
    assert words.split()[2:] == [f"{tree.root}/build/gpu_bundle/bin", "models/full", f"{tree.output}/load.json"]
    assert tree.run("--only", "load", "--dry-run", "--output", str(tmp_path / "dry")).returncode == 0
    assert "models/tiny" in calls()[1] and "--device cpu" in calls()[1]


def test_a_whole_run_begins_anew(tmp_path):
    tree = StubTree(tmp_path)
    tree.run("--only", "program")
    (tree.output / "notes.txt").write_text("of somebody else")
    assert tree.run(FAIL="cuda_program").returncode == 1
    assert tree.report["program"] is None
    assert stages_of(tree.log)[0] == "models" and stages_of(tree.log).count("program") == 1
    assert (tree.output / "notes.txt").exists()


def test_one_that_fails_does_not_stop_the_next(tmp_path):
    tree = StubTree(tmp_path)
    done = tree.run("--only", "tests", FAIL="test_streams")
    assert done.returncode == 1
    assert "gpu-streams: exit status 3" in done.stderr
    assert tree.report["stages"]["gpu-streams"]["status"] == 3
    assert tree.report["tests"]["gpu-streams"] is None
    assert tree.report["tests"]["gpu-graphs"]["passed"] == 4


def test_one_that_fails_leaves_nothing_of_the_time_before(tmp_path):
    tree = StubTree(tmp_path)
    tree.run("--only", "peers")
    assert tree.report["peers_seconds"]
    assert tree.run("--only", "peers", FAIL="cuda_peers").returncode == 1
    assert tree.report["peers_seconds"] is None


def test_one_that_hangs_is_stopped(tmp_path):
    tree = StubTree(tmp_path)
    table = tree.root / "scripts/lib/gpu_stages.sh"
    text = re.sub(r"'tests gpu-streams \d+'", "'tests gpu-streams 3'", table.read_text())
    table.write_text(text)
    assert tree.run("--only", "tests", HANG="test_streams").returncode == 1
    stages = tree.report["stages"]
    assert (stages["gpu-streams"]["status"], stages["gpu-embedder"]["status"]) == (124, 0)
    assert stages["gpu-streams"]["seconds"] <= 3


@pytest.mark.parametrize("stage, words", [("gpu-graphs", "test_graphs"), ("peers", "cuda_peers")])
def test_who_is_killed_loses_only_what_was_running(tmp_path, stage, words):
    tree = StubTree(tmp_path)
    tree.kill_in(stage, HANG=words)
    before = {name for _, name, _ in listed()[: [name for _, name, _ in listed()].index(stage)]}
    assert set(tree.report["stages"]) == before
    assert (tree.report["benchmarks"] is not None) == (stage == "peers")
    assert tree.run("--only", "program").returncode == 0
    assert tree.report["stages"][stage] == {"seconds": None, "status": None}
    assert before < set(tree.report["stages"])
    assert tree.report["program"]


@pytest.mark.parametrize(
    "machine, environment, reason",
    [
        ({"torch": "2.12.0"}, {}, "the carried ones are for torch 2.11.0, and python3 has 2.12.0"),
        ({}, {"FAIL": "bgem3 --version"}, "the carried bgem3 --version fails: version not found"),
        ({}, {"FAIL": "the operators are there"}, "the carried bgem3_cuda_tests fail: version not found"),
    ],
)
def test_programs_that_do_not_run_are_built(tmp_path, machine, environment, reason):
    tree = StubTree(tmp_path, machine)
    assert tree.run("--only", "peers").returncode == 0
    done = tree.run("--only", "tests", **environment)
    assert done.returncode == 0, done.stderr
    assert tree.report["programs"] == f"built here, because {reason}"
    assert reason in done.stderr
    assert any(words.startswith("cmake --build") for words in tree.calls_of("cmake"))
    assert tree.report["tests"]["gpu-kernels"]["passed"] == 4
    done = tree.run("--only", "load", **environment)
    assert done.returncode == 0
    assert "load is left out: there is no bgem3-server" in done.stderr


def test_a_dry_run_needs_no_gpu_and_measures_nothing(tmp_path):
    tree = StubTree(tmp_path, {"gpu": None})
    assert "a GPU that torch sees" in tree.run().stderr
    done = tree.run("--dry-run")
    assert done.returncode == 0, done.stderr
    assert all("--benchmark_list_tests" in words for words in tree.calls_of("bgem3_bench_cuda"))
    assert [words for words in tree.calls_of("python3") if "/cuda_p" in words and "--device cpu" not in words] == []
    report = tree.report
    assert (report["dry_run"], report["targets"], report["benchmarks"]) == (True, [], None)
    assert "full" not in report["stages"]
    assert not [words for words in tree.calls_of("python3") if words.endswith("make.py full")]


def test_a_dry_run_fails_where_a_peer_does(tmp_path):
    tree = StubTree(tmp_path)
    stub = tmp_path / "tools/python3"
    stub.write_text(stub.read_text().replace('{"1 x 32": 0.02}', '"failed: no module"'))
    assert tree.run("--only", "peers").returncode == 0
    tree.output.rename(tmp_path / "measured")
    done = tree.run("--only", "peers", "--dry-run")
    assert done.returncode == 1
    assert "failed: no module" in done.stderr


def test_a_dry_run_and_measurements_do_not_mix(tmp_path, whole):
    tree = StubTree(tmp_path)
    tree.run("--dry-run", "--only", "tests")
    done = tree.run("--only", "tests")
    assert done.returncode == 1
    assert "expected measurements" in done.stderr and "dry run" in done.stderr


def test_the_bundle_is_unpacked_once_and_when_it_changes(tmp_path):
    tree = StubTree(tmp_path)
    tokenizer, program = tree.root / "models/xlm-r-tokenizer", tree.root / "build/gpu_bundle/bin/bgem3"
    tree.run("--only", "program")
    unpacked = program.stat().st_ctime_ns
    shutil.rmtree(tokenizer)
    tree.run("--only", "program")
    assert program.stat().st_ctime_ns == unpacked and tokenizer.is_dir()
    (tree.root / "build/gpu_bundle.tar.xz").touch()
    tree.run("--only", "program")
    assert program.stat().st_ctime_ns > unpacked
    (tree.root / "build/gpu_bundle.tar.xz").unlink()
    shutil.rmtree(tokenizer)
    assert tree.run("--only", "program").returncode == 0
    assert tokenizer.is_dir()


def test_without_a_bundle_it_says_how_to_make_one(tmp_path):
    tree = StubTree(tmp_path)
    (tree.root / "build/gpu_bundle.tar.xz").unlink()
    done = tree.run()
    assert done.returncode == 1
    assert "build/gpu_bundle.tar.xz (make it with scripts/gpu_check --bundle)" in done.stderr


@pytest.mark.parametrize(
    "options, words",
    [
        (["--only", "tests,benchmarks"], ["unknown part 'benchmarks'", "tests", "bench-kernels", "peers", "program"]),
        (["--only", ""], ["--only needs a part", "peers"]),
        (["--quick"], ["unknown argument '--quick'", "--help"]),
        (["--python", "3.12"], ["--python is for --bundle"]),
        (["--bundle", "--only", "peers"], ["--bundle goes with --python alone"]),
    ],
)
def test_what_is_unknown_is_refused(options, words):
    done = subprocess.run([ROOT / "scripts/gpu_check", *options], capture_output=True, text=True)
    assert done.returncode == 1
    assert all(word in done.stderr for word in words), done.stderr


def test_help_names_every_part():
    done = subprocess.run([ROOT / "scripts/gpu_check", "--help"], capture_output=True, text=True, check=True)
    (parts,) = re.findall(r"Parts: (.*);", done.stdout)
    assert parts.split() == list(dict.fromkeys(part for part, _, _ in listed() if part != "models"))
