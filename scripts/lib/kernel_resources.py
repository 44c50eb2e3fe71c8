"""What each kernel of libbgem3_cuda.so takes of a GPU: registers, spills, shared memory, and the occupancy that follows.

    python scripts/lib/kernel_resources.py LIBRARY                    all kernels
    python scripts/lib/kernel_resources.py LIBRARY --families         a row for each family, as docs/cuda.md has it
    python scripts/lib/kernel_resources.py LIBRARY --rows             rows for the table of ceilings
    python scripts/lib/kernel_resources.py LIBRARY --check CEILINGS   compares with the table of ceilings

The library says it of all architectures that it was compiled for, through NVIDIA's cuobjdump. Exit status: 0 all well, 1
--check found something, 2 it could not be read.
"""

import argparse
import importlib.util
import math
import pathlib
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from typing import NamedTuple

WARP_LANES = 32


class Architecture(NamedTuple):
    """Limits of a multiprocessor: "Technical Specifications per Compute Capability" in NVIDIA's CUDA programming guide."""

    warps: int
    blocks: int
    shared_kib: int
    reserved_bytes: int  # of the shared memory of each block, for the system
    shared_unit: int


ARCHITECTURES = {
    "75": Architecture(32, 16, 64, 0, 256),
    "80": Architecture(64, 32, 164, 1024, 128),
    "86": Architecture(48, 16, 100, 1024, 128),
    "89": Architecture(48, 24, 100, 1024, 128),
    "90": Architecture(64, 32, 228, 1024, 128),
    "90a": Architecture(64, 32, 228, 1024, 128),
    "100": Architecture(64, 32, 228, 1024, 128),
    "110": Architecture(48, 24, 228, 1024, 128),
    "120": Architecture(48, 24, 100, 1024, 128),
}
REGISTERS = 65536  # of a multiprocessor, on all of them
REGISTER_UNIT = 256  # registers of a warp are given out in
WARP_UNIT = 4  # and warps spread over four schedulers


class Launch(NamedTuple):
    """What is chosen when a kernel is launched: a pattern of its name, and for a block threads and dynamic shared bytes."""

    kernel: str
    threads: int
    shared: int


# The first that matches counts.
LAUNCHES = [
    # launch.cuh: shape_of_rows()
    Launch(r"(add_layer_norm|embed_layer_norm|(gelu_)?quantize_rows|token_weights|truncate_normalize)<", 128, 0),
    # short_attention.cu: choose_heads_of_block() for 16 heads and texts as long as the kernel takes
    Launch(r"short_attention<32,", 128, 10240),
    Launch(r"short_attention<64,", 128, 18432),
    # long_attention.cu: block_threads, shared_bytes
    Launch(r"long_attention<", 512, 123904),
]


class Usage(NamedTuple):
    """Of one kernel on one architecture."""

    registers: int  # of a thread
    spilled: int  # bytes of a thread in local memory, stack included
    shared: int  # static bytes of a block, without what is reserved


Usages = dict[str, dict[str, Usage]]  # architecture → kernel → usage
Ceilings = dict[str, dict[str, int]]  # architecture → kernel → registers


class Unreadable(Exception):
    """Says why there is nothing to print."""


def find_cuobjdump() -> str:
    """On the PATH, beside nvcc, or in a package: torch for CUDA brings triton, which has one."""
    nvcc = shutil.which("nvcc")
    candidates = [pathlib.Path(nvcc).with_name("cuobjdump")] if nvcc else []
    for package, pattern in (("nvidia", "cu*/bin/cuobjdump"), ("triton", "backends/nvidia/bin/cuobjdump")):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            candidates += sorted(pathlib.Path(folder).glob(pattern))
    found = shutil.which("cuobjdump") or next((str(file) for file in candidates if file.is_file()), None)
    if not found:
        raise Unreadable("found no cuobjdump on the PATH nor in Python's packages; pip install nvidia-cuda-cuobjdump")
    return found


def output_of(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unreadable(f"{command[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def short_name(signature: str) -> str:
    """void a::(anonymous namespace)::kernel<8, c10::Half>(a::Work) → kernel<8, Half>."""
    plain = re.sub(r"\(anonymous namespace\)::|\b[A-Za-z_]\w*::", "", signature.removeprefix("void "))
    return plain[: plain.rindex("(")] if plain.endswith(")") else plain


def parse(report: str) -> Usages:
    """Of cuobjdump --dump-resource-usage, demangled."""
    usages: Usages = defaultdict(dict)
    architecture = kernel = ""
    for line in report.splitlines():
        if found := re.fullmatch(r"arch = sm_(\w+)", line):
            architecture = found[1]
        elif found := re.fullmatch(r" Function (.+):", line):
            kernel = short_name(found[1])
        elif line.startswith("  REG:"):
            if kernel in usages[architecture]:
                raise Unreadable(f"two kernels for sm_{architecture} have the name {kernel}")
            usages[architecture][kernel] = parse_usage(line, architecture)
    return dict(usages)


def parse_usage(line: str, architecture: str) -> Usage:
    fields = dict(re.findall(r"(\w+):(\d+)", line))
    shared = int(fields["SHARED"])
    if not architecture.startswith(("7", "8")) and shared >= 1024:  # from Hopper on, what is reserved is counted
        shared -= 1024
    return Usage(int(fields["REG"]), int(fields["STACK"]) + int(fields["LOCAL"]), shared)


def read_library(library: pathlib.Path) -> Usages:
    if not library.is_file():
        raise Unreadable(f"expected a library with kernels, found no file '{library}'")
    report = output_of(find_cuobjdump(), "--dump-resource-usage", str(library))
    usages = parse(output_of("c++filt", text=report))
    if not usages:
        raise Unreadable(f"expected kernels in '{library}', found none")
    for name in usages:
        limits_of(name)
    return usages


def limits_of(architecture: str) -> Architecture:
    if architecture not in ARCHITECTURES:
        raise Unreadable(f"expected an architecture of {', '.join(ARCHITECTURES)}, found {architecture}")
    return ARCHITECTURES[architecture]


def launch_of(kernel: str) -> Launch:
    for launch in LAUNCHES:
        if re.match(launch.kernel, kernel):
            return launch
    raise Unreadable(f"expected how {kernel} is launched in LAUNCHES of {pathlib.Path(__file__).name}, found nothing")


def round_up(number: int, unit: int) -> int:
    return math.ceil(number / unit) * unit


def resident_warps(usage: Usage, launch: Launch, limits: Architecture) -> int:
    """Warps that a multiprocessor holds at once."""
    warps = math.ceil(launch.threads / WARP_LANES)
    by_registers = REGISTERS // round_up(max(usage.registers, 1) * WARP_LANES, REGISTER_UNIT)
    shared = round_up(usage.shared + launch.shared + limits.reserved_bytes, limits.shared_unit)
    blocks = min(
        limits.blocks,
        limits.warps // warps,
        by_registers // WARP_UNIT * WARP_UNIT // warps,
        limits.shared_kib * 1024 // shared if shared else limits.blocks,
    )
    return blocks * warps


def occupancy(usage: Usage, kernel: str, architecture: str) -> tuple[int, int]:
    """Warps resident, warps possible."""
    limits = limits_of(architecture)
    return resident_warps(usage, launch_of(kernel), limits), limits.warps


def in_order(architectures: Usages) -> list[str]:
    return sorted(architectures, key=list(ARCHITECTURES).index)


def print_kernels(usages: Usages) -> None:
    for architecture in in_order(usages):
        print(f"\nsm_{architecture}\n{'registers':>9} {'spilled':>8} {'shared':>7} {'dynamic':>8} {'warps':>7}  kernel")
        for kernel, usage in sorted(usages[architecture].items()):
            warps = "{}/{}".format(*occupancy(usage, kernel, architecture))
            dynamic = launch_of(kernel).shared
            print(f"{usage.registers:9} {usage.spilled:8} {usage.shared:7} {dynamic:8} {warps:>7}  {kernel}")


def family(kernel: str) -> str:
    """With what decides resources: lanes that share a row, and the size of attention."""
    name, _, arguments = kernel.rstrip(">").partition("<")
    kept = [word for word in arguments.split(", ") if word in ("WarpLane", "BlockLane")]
    return f"{name}, {'a warp' if kept == ['WarpLane'] else 'a block'} to a row" if kept else name


def span(numbers: list[int]) -> str:
    return str(numbers[0]) if min(numbers) == max(numbers) else f"{min(numbers)}-{max(numbers)}"


def family_cell(usages: Usages, name: str, column: str) -> str:
    """Registers; occupancy in percent; and bytes spilled, where there are any."""
    found = [
        (usage, *occupancy(usage, kernel, architecture))
        for architecture in usages
        if architecture.rstrip("a") == column
        for kernel, usage in usages[architecture].items()
        if family(kernel) == name
    ]
    if not found:
        return ""
    registers, percent = span([each[0].registers for each in found]), span([round(100 * w / m) for _, w, m in found])
    spilled = max(each[0].spilled for each in found)
    return f"{registers}; {percent} %" + (f"; {spilled} spilled" if spilled else "")


def print_families(usages: Usages) -> None:
    """9.0a has kernels that 9.0 has not: both are one GPU and one column."""
    columns = sorted({name.rstrip("a") for name in usages}, key=int)
    print("| registers; occupancy | " + " | ".join(columns) + " |\n" + "| --- " * (len(columns) + 1) + "|")
    for name in sorted({family(kernel) for kernels in usages.values() for kernel in kernels}):
        print(f"| {name} | " + " | ".join(family_cell(usages, name, column) for column in columns) + " |")


def ceiling_row(kernel: str, registers: list[str]) -> str:
    return f"{kernel:54}" + "".join(f"{number:>5}" for number in registers)


def print_rows(usages: Usages) -> None:
    """Registers rounded up to what a warp is given anyway."""
    unit = REGISTER_UNIT // WARP_LANES
    print(ceiling_row("kernel", list(ARCHITECTURES)))
    for kernel in sorted({kernel for kernels in usages.values() for kernel in kernels}):
        found = [usages.get(architecture, {}).get(kernel) for architecture in ARCHITECTURES]
        print(ceiling_row(kernel, [str(round_up(usage.registers, unit)) if usage else "-" for usage in found]))


def read_ceilings(file: pathlib.Path) -> Ceilings:
    """Rows as print_rows() writes them, the first with the architectures; # begins a comment."""
    if not file.is_file():
        raise Unreadable(f"expected a table of ceilings, found no file '{file}'")
    lines = [line for line in file.read_text().splitlines() if line.strip() and not line.startswith("#")]
    architectures = lines[0].split()[1:] if lines else []
    ceilings: Ceilings = {architecture: {} for architecture in architectures}
    seen = set()
    for line in lines[1:]:
        kernel, *numbers = line.rsplit(maxsplit=len(architectures))
        right = re.fullmatch(r"\w+(<.+>)?", kernel.strip()) and all(re.fullmatch(r"\d+|-", each) for each in numbers)
        if not right or kernel in seen or len(numbers) != len(architectures):
            raise Unreadable(f"expected in {file} a kernel of its own and {len(architectures)} ceilings: {line}")
        seen.add(kernel)
        for architecture, number in zip(architectures, numbers):
            if number != "-":
                ceilings[architecture][kernel] = int(number)
    return ceilings


def find_faults(usages: Usages, ceilings: Ceilings) -> list[str]:
    faults = []
    for architecture in in_order(usages):
        limits = ceilings.get(architecture, {})
        found = usages[architecture]
        for kernel, usage in sorted(found.items()):
            faults += [f"sm_{architecture}: {fault}" for fault in kernel_faults(kernel, usage, limits)]
        faults += [
            f"sm_{architecture}: {kernel} has a row, but is not there" for kernel in sorted(limits - found.keys())
        ]
    return faults


def kernel_faults(kernel: str, usage: Usage, limits: dict[str, int]) -> list[str]:
    faults = [f"{kernel} spills {usage.spilled} bytes"] if usage.spilled else []
    if kernel not in limits:
        faults.append(f"{kernel} takes {usage.registers} registers and has no ceiling")
    elif usage.registers > limits[kernel]:
        faults.append(f"{kernel} takes {usage.registers} registers, more than {limits[kernel]}")
    return faults


def check(usages: Usages, ceilings: pathlib.Path, wanted: list[str]) -> int:
    faults = [f"sm_{each}: expected its code, found none" for each in wanted if each not in usages]
    faults += find_faults(usages, read_ceilings(ceilings))
    for fault in faults:
        print(fault)
    kernels = len({kernel for found in usages.values() for kernel in found})
    print(f"{kernels} kernels for {', '.join(f'sm_{each}' for each in in_order(usages))}: {len(faults)} faults")
    if faults:
        print(f"What is meant goes into {ceilings}: scripts/kernel_resources --rows prints it.")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cuda_library", type=pathlib.Path, metavar="LIBRARY", help="libbgem3_cuda.so")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--families", action="store_true", help="a row for each family of kernels")
    form.add_argument("--rows", action="store_true", help="rows for the table of ceilings")
    form.add_argument("--check", type=pathlib.Path, metavar="CEILINGS", help="compares with this table")
    parser.add_argument("--architectures", nargs="+", default=[], metavar="90", help="that --check has to find")
    arguments = parser.parse_args()
    if arguments.architectures and not arguments.check:
        parser.error("--architectures is for --check")
    try:
        usages = read_library(arguments.cuda_library)
        if arguments.check:
            return check(usages, arguments.check, arguments.architectures)
        (print_families if arguments.families else print_rows if arguments.rows else print_kernels)(usages)
    except Unreadable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
