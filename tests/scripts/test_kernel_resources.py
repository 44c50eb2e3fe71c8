"""scripts/lib/kernel_resources.py over reports of cuobjdump, and occupancy as NVIDIA's calculator has it."""

import pathlib
import subprocess
import sys

import kernel_resources
import pytest
from kernel_resources import ARCHITECTURES, Launch, Unreadable, Usage, find_faults, parse, read_ceilings, resident_warps

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPORT = """
Fatbin elf code:
================
arch = sm_75
code version = [1,8]

Resource usage:
 Common:
  GLOBAL:0
 Function void bgem3::cuda::(anonymous namespace)::token_weights<8, c10::Half>(bgem3::cuda::TokenWeights):
  REG:60 STACK:0 SHARED:16 LOCAL:0 CONSTANT[0]:616 TEXTURE:0 SURFACE:0 SAMPLER:0

Fatbin elf code:
================
arch = sm_90a
 Function void bgem3::cuda::(anonymous namespace)::token_weights<8, c10::Half>(bgem3::cuda::TokenWeights):
  REG:34 STACK:8 SHARED:1072 LOCAL:16 CONSTANT[0]:616 TEXTURE:0 SURFACE:0 SAMPLER:0
"""
KERNEL = "token_weights<8, Half>"
FITTING = {"75": {KERNEL: Usage(60, 0, 16)}}


def test_reports_are_read_by_architecture():
    assert parse(REPORT) == {"75": {KERNEL: Usage(60, 0, 16)}, "90a": {KERNEL: Usage(34, 24, 48)}}


def test_two_kernels_of_one_name_are_refused():
    with pytest.raises(Unreadable, match=f"two kernels for sm_75 have the name {KERNEL}"):
        parse(REPORT.replace("sm_90a", "sm_75"))


@pytest.mark.parametrize(
    "registers, threads, shared, architecture, warps",
    [
        (32, 128, 0, "80", 64),  # nothing limits
        (72, 128, 0, "80", 28),  # 2304 registers a warp, 28 warps
        (70, 128, 0, "75", 28),  # rounded up to 72
        (88, 32, 0, "80", 20),  # 23 by registers, a multiple of 4
        (33, 128, 0, "75", 32),  # 12800 registers would do for 48 warps, which Turing has not
        (128, 512, 123904, "90", 16),  # one block by shared memory and by registers
        (56, 128, 18432, "75", 12),  # 3 blocks of 18 KiB in 64 KiB
        (56, 128, 20480, "86", 16),  # 4 blocks of 21 KiB in 100 KiB: 1 KiB of each is reserved
        (56, 128, 18432, "90", 36),  # registers allow 9 blocks of 4 warps, shared memory 12
        (16, 32, 0, "86", 16),  # 16 blocks at most
    ],
)
def test_warps_resident(registers, threads, shared, architecture, warps):
    usage, launch = Usage(registers, 0, 0), Launch("", threads, shared)
    assert resident_warps(usage, launch, ARCHITECTURES[architecture]) == warps


FAULTS = {
    "spill": ({"75": {KERNEL: Usage(60, 4, 0)}}, {KERNEL: 60}, f"sm_75: {KERNEL} spills 4 bytes"),
    "above the ceiling": (FITTING, {KERNEL: 59}, f"sm_75: {KERNEL} takes 60 registers, more than 59"),
    "no ceiling": (FITTING, {}, f"sm_75: {KERNEL} takes 60 registers and has no ceiling"),
    "no kernel": (FITTING, {KERNEL: 60, "old<1>": 8}, "sm_75: old<1> has a row, but is not there"),
}


@pytest.mark.parametrize("usages, ceilings, fault", FAULTS.values(), ids=FAULTS)
def test_faults_are_found(usages, ceilings, fault):
    assert find_faults(usages, {"75": ceilings}) == [fault]


def test_what_fits_has_no_fault():
    assert find_faults(FITTING, {"75": {KERNEL: 60}, "80": {"other<1>": 8}}) == []


def test_an_architecture_without_a_column_has_no_ceilings():
    assert find_faults(FITTING, {"80": {KERNEL: 60}}) == [f"sm_75: {KERNEL} takes 60 registers and has no ceiling"]


def test_an_architecture_that_was_asked_for_has_to_be_there(tmp_path, capsys):
    table = tmp_path / "ceilings"
    table.write_text(f"kernel 75\n{KERNEL} 64\n")
    assert kernel_resources.check(FITTING, table, ["75"]) == 0
    assert "1 kernels for sm_75: 0 faults" in capsys.readouterr().out
    assert kernel_resources.check(FITTING, table, ["75", "80"]) == 1
    assert "sm_80: expected its code, found none" in capsys.readouterr().out


def test_rows_are_read_as_they_are_written(tmp_path, capsys):
    kernel_resources.print_rows(FITTING)
    table = tmp_path / "ceilings"
    table.write_text("# comment\n" + capsys.readouterr().out)
    ceilings = read_ceilings(table)
    assert ceilings.pop("75") == {KERNEL: 64}
    assert set(ceilings) == ARCHITECTURES.keys() - {"75"} and not any(ceilings.values())


def test_families_are_a_row_each(capsys):
    usages = {
        "90": {
            "add_layer_norm<8, WarpLane, Half>": Usage(96, 0, 0),
            "add_layer_norm<1, WarpLane, float>": Usage(64, 4, 0),
        },
        "90a": {"long_attention<Half>": Usage(128, 0, 48)},
        "100": {"add_layer_norm<8, BlockLane, Half>": Usage(32, 0, 16)},
    }
    kernel_resources.print_families(usages)
    assert capsys.readouterr().out.splitlines() == [
        "| registers; occupancy | 90 | 100 |",
        "| --- | --- | --- |",
        "| add_layer_norm, a block to a row |  | 32; 100 % |",
        "| add_layer_norm, a warp to a row | 64-96; 31-50 %; 4 spilled |  |",
        "| long_attention | 128; 25 % |  |",
    ]


@pytest.mark.parametrize("row", ["a<1> 8", "a<1> 8 9 9", "a<1> 8 8\na<1> 8 8", "a<1> 8 x", "8"])
def test_a_broken_row_is_refused(tmp_path, row):
    table = tmp_path / "ceilings"
    table.write_text(f"kernel 75 80\n{row}\n")
    with pytest.raises(Unreadable, match="a kernel of its own and 2 ceilings: "):
        read_ceilings(table)


def test_kernels_that_are_no_templates_have_rows_and_families(tmp_path):
    table = tmp_path / "ceilings"
    table.write_text("kernel 75 80\nplain 8 -\n")
    assert read_ceilings(table) == {"75": {"plain": 8}, "80": {}}
    assert kernel_resources.family("plain") == "plain"


def test_a_kernel_whose_launch_nobody_wrote_down_is_named():
    with pytest.raises(Unreadable, match="expected how other<8> is launched"):
        kernel_resources.launch_of("other<8>")


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "scripts/lib/kernel_resources.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_missing_library_is_named(tmp_path):
    done = run(tmp_path / "none.so")
    assert done.returncode == 2 and f"found no file '{tmp_path / 'none.so'}'" in done.stderr


def test_a_library_without_kernels_is_no_pass():
    done = run(sys.executable, "--check", ROOT / "tests/lint/kernel_resources.txt")
    assert done.returncode == 2 and done.stderr.startswith("error: ")


def test_unknown_options_are_refused():
    done = subprocess.run([ROOT / "scripts/kernel_resources", "--all"], capture_output=True, text=True)
    assert done.returncode == 2 and "unknown option '--all'" in done.stderr
