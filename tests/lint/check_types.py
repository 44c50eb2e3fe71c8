"""check_types.py: what users write has no type errors: Python examples of documents, examples/ and typed_program.py.

mypy checks them with --strict, and pyright as basedpyright, which PyPI has with all that it needs.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = re.compile(r"<!-- python example: (\w+) -->\n```python\n(.*?)```", re.S)
DOCUMENTS = ("README.md", "docs/python.md")
TYPED = [ROOT / "tests/lint/typed_program.py", *sorted((ROOT / "examples").glob("*.py"))]


def write_examples(directory: pathlib.Path) -> list[pathlib.Path]:
    for document in DOCUMENTS:
        examples = EXAMPLE.findall((ROOT / document).read_text("utf-8"))
        assert examples, document
        for name, source in examples:
            (directory / f"{name}_example.py").write_text(source, "utf-8")
    return sorted(directory.glob("*_example.py"))


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        files = [str(path) for path in (*TYPED, *write_examples(pathlib.Path(directory)))]
        strict = ["--strict", "--follow-imports=silent", "--cache-dir=build/mypy_examples"]  # of these files alone
        checks = (
            [sys.executable, "-m", "mypy", *strict, *files],
            [sys.executable, "-m", "basedpyright", "--level", "error", *files],
        )
        return max(subprocess.run(check, cwd=ROOT).returncode for check in checks)


if __name__ == "__main__":
    sys.exit(main())
