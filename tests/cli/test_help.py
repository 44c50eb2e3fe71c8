"""Help texts that teach, and exit statuses."""

import pathlib
import re

import pytest

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"

SUBCOMMANDS = ["encode", "tokenize", "similarity", "rerank", "info"]
OF_MODELS = ["encode", "similarity", "rerank", "info"]


def test_help_names_the_subcommands_and_exit_statuses(bgem3):
    text = bgem3("--help").stdout.decode()
    assert all(name in text for name in SUBCOMMANDS)
    assert "Examples:" in text and "Exit status:" in text


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_help_of_a_subcommand_has_an_example(bgem3, subcommand):
    text = bgem3(subcommand, "--help").stdout.decode()
    assert f"\n  bgem3 {subcommand} --model" in text
    assert "--model DIR" in text
    assert max(map(len, text.splitlines())) <= 120


def test_help_explains_output_and_resuming(bgem3):
    text = bgem3("encode", "--help").stdout.decode()
    assert "--resume" in text and "npy" in text and "Ctrl-C" in text


def test_help_explains_defaults_that_depend_on_the_device(bgem3):
    text = bgem3("encode", "--help").stdout.decode()
    assert "[256, on a GPU as many as --batch-tokens allows]" in text
    assert "[4096, on a GPU 16384]" in text


@pytest.mark.parametrize("subcommand", OF_MODELS)
def test_help_explains_cuda_graphs(bgem3, subcommand):
    text = bgem3(subcommand, "--help").stdout.decode()
    assert "--cuda-graphs" in text and "--no-cuda-graphs" in text and "no effect on the CPU" in text


@pytest.mark.parametrize("subcommand", OF_MODELS)
def test_help_explains_threads(bgem3, subcommand):
    text = bgem3(subcommand, "--help").stdout.decode()
    assert "--threads" in text and "OMP_NUM_THREADS" in text


def test_all_that_open_a_model_take_the_same_options_for_that(bgem3):
    def options_of_devices(subcommand: str) -> str:
        text = bgem3(subcommand, "--help").stdout.decode()
        return re.search(r"^  --device .*?^  --copy .*?$", text, re.MULTILINE | re.DOTALL)[0]

    assert len({options_of_devices(subcommand) for subcommand in OF_MODELS}) == 1


def test_table_of_dtypes_in_the_readme_is_complete(bgem3):
    choices = re.search(r"--dtype TEXT:\{(.*?)\}", bgem3("encode", "--help").stdout.decode())[1].split(",")
    (table,) = re.findall(
        r"^\| dtype \|.*\n\|[- |]*\|\n((?:\|.*\n)+)", README.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {"auto", *re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)} == set(choices)


def test_version(bgem3):
    assert bgem3("--version").stdout.startswith(b"bgem3 ")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "subcommand"),
        (["compress"], "compress"),
        (["encode", "--densest"], "--densest"),
        (["encode", "--format", "csv"], "csv"),
        (["encode", "--batch-size", "0"], "--batch-size"),
        (["encode", "--batch-size", "-3"], "--batch-size"),
        (["encode", "--max-length", "many"], "--max-length"),
        (["tokenize", "--pipeline", "modern"], "modern"),
        (["encode", "--dtype", "int3"], "int3"),
        (["encode", "--cuda-graphs=maybe"], "--cuda-graphs = maybe"),
        (["tokenize", "--no-cuda-graphs"], "--no-cuda-graphs"),
        (["encode", "--threads", "-1"], "--threads"),
        (["info", "--threads", "1025"], "--threads"),
        (["similarity", "--threads", "many"], "--threads"),
        (["tokenize", "--threads", "2"], "--threads"),
        (["similarity", "--kind", "euclid"], "euclid"),
        (["similarity", "--dtype", "int3"], "int3"),
        (["rerank", "--top", "0"], "--top"),
        (["rerank", "--truncation", "query"], "query"),
        (["rerank", "--query", "a", "--query", "b"], "--query"),
        (["rerank", "--on-error", "null"], "null"),
    ],
)
def test_wrong_usage(bgem3, arguments, named):
    message = bgem3.fail(*arguments, status=2)
    assert named in message
    assert "bgem3 --help" in message


def test_missing_model_option(bgem3):
    result = bgem3.attempt("info", environment={"BGEM3_MODEL": ""})
    assert result.status == 2
    assert "--model" in result.stderr
