"""What the dynamic linker finds in the shared library. That nothing else is in there: tests/compile/check_exports.py."""

import re
import subprocess

from header import declared_functions
from prepared import program


def test_every_function_is_exported_with_a_version():
    command = ["nm", "--dynamic", "--defined-only", "--with-symbol-versions", program("BGEM3_LIBRARY")]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    names = [line.split()[-1] for line in lines]
    versions = dict(name.split("@@") for name in names if name.startswith("bgem3_"))
    assert set(versions) == declared_functions()
    assert all(re.fullmatch(r"BGEM3_\d+\.\d+", version) for version in versions.values())
