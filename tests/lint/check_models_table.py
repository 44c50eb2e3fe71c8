"""Fails when the table of README.md is not that of docs/models_that_work.json."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts/lib"))
from write_models_table import is_stale  # noqa: E402


def main() -> int:
    if not is_stale():
        return 0
    print("README.md: the table of models is not that of docs/models_that_work.json; run scripts/write_models_table")
    return 1


if __name__ == "__main__":
    sys.exit(main())
