"""The shell parts of scripts/demo and scripts/test that decide something."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARIES = ("common", "packages", "python_env", "build", "stages")


def bash(code: str) -> subprocess.CompletedProcess:
    """Runs code after sourcing the libraries, as the scripts do."""
    libraries = "".join(f"source scripts/lib/{name}.sh; " for name in LIBRARIES)
    command = ["bash", "-euo", "pipefail", "-c", libraries + code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_without_root_says_the_exact_line():
    done = bash("is_installed() { [[ $1 == g++ ]]; }; run_as_root() { return 1; }; need_packages g++ libfmt-dev ccache")
    assert done.returncode == 1
    assert "apt-get update && apt-get install -y libfmt-dev ccache" in done.stderr


def test_nothing_missing_installs_nothing():
    done = bash("is_installed() { true; }; install_packages() { die install; }; need_packages g++ libfmt-dev")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_unknown_packages_are_missing():
    assert bash("is_installed no-such-package-anywhere").returncode != 0


def test_python_packages_only_when_requirements_changed(tmp_path):
    code = f"""
        ROOT={tmp_path} PYTHON=/bin/true
        mkdir -p $ROOT/.venv $ROOT/scripts && touch $ROOT/scripts/constraints.txt && echo torch >$ROOT/needs.txt
        install_requirements() {{ echo "install $*"; }}
        need_python_packages demo $ROOT/needs.txt
        need_python_packages demo $ROOT/needs.txt
        echo numpy >>$ROOT/needs.txt
        need_python_packages demo $ROOT/needs.txt
    """
    done = bash(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"install --requirement={tmp_path}/needs.txt"] * 2


def test_failing_stage_ends_the_run_and_is_recorded(tmp_path):
    code = f"""
        RESULTS={tmp_path} PYTHON=true
        broken() {{ false; echo not reached; }}
        run_stage one true
        run_stage two broken
        run_stage three true
    """
    done = bash(code)
    assert "not reached" not in done.stdout
    stages = [line.split("\t") for line in (tmp_path / "stages.tsv").read_text().splitlines()]
    assert [(name, status) for name, _, status in stages] == [("one", "0"), ("two", "1")]


def test_unknown_arguments_are_refused():
    for script in ("demo", "test"):
        done = subprocess.run([ROOT / "scripts" / script, "--no-such-option"], capture_output=True, text=True)
        assert done.returncode == 1
        assert "--help" in done.stderr
