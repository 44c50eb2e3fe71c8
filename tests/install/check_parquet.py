"""An installed bgem3 finds its library for Parquet, and this its Apache Arrow.

python check_parquet.py PROGRAM MODEL
"""

import pathlib
import subprocess
import sys
import tempfile

import pyarrow
import pyarrow.parquet


def main() -> None:
    program, model = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "in.parquet"
        pyarrow.parquet.write_table(pyarrow.table({"text": ["one", "two"]}), path)
        for command in ("tokenize", "encode"):  # which load it from the program, and from a library
            arguments = [program, command, "--model", model, "--input", path]
            found = subprocess.run(arguments, stdout=subprocess.PIPE, check=True).stdout
            assert len(found.splitlines()) == 2, found


main()
