"""Writes the C++ and C examples of Markdown files into a directory, each block of them with the name that a comment before
it gives:

<!-- example: quickstart -->
```cpp
...
```

Each is a whole program, which takes the directory of a model: tests/install builds and runs them.
"""

import pathlib
import re
import sys

EXAMPLE = re.compile(r"^<!-- example: (\w+) -->\n```(cpp|c)\n(.*?)^```$", re.S | re.M)
# However it is spelt or indented, so that none is passed over.
ANY_BLOCK = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*(?:c|cc|cpp|cxx|c\+\+|h|hpp)\b", re.M | re.I)


def examples(markdown: str) -> dict[str, str]:
    """The programs of one file, by the name of the file that each becomes."""
    text = pathlib.Path(markdown).read_text(encoding="utf-8")
    found = EXAMPLE.findall(text)
    blocks = len(ANY_BLOCK.findall(text))
    if len(found) != blocks:
        sys.exit(
            f"{markdown}: every block of C or C++ should begin with ```cpp or ```c after a line "
            f"'<!-- example: NAME -->'; found {blocks} blocks, {len(found)} of them so"
        )
    for name, language, code in found:
        if not re.search(r"^int main\(", code, re.M):
            sys.exit(f"{markdown}: the example '{name}' should be a whole program; found no main()")
    return {f"{name}.{language}": code for name, language, code in found}


def main(*arguments: str) -> None:
    *markdowns, out_dir = arguments
    files: dict[str, str] = {}
    for markdown in markdowns:
        for name, code in examples(markdown).items():
            stem = pathlib.Path(name).stem
            if stem in {pathlib.Path(other).stem for other in files}:
                sys.exit(f"{markdown}: the example '{stem}' should have a name of its own; found it twice")
            files[name] = code
    if not files:
        sys.exit(f"expected examples in C or C++, found none in {', '.join(markdowns)}")
    out = pathlib.Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    for stale in {file.name for file in out.glob("*.c*")} - set(files):
        (out / stale).unlink()
    for name, code in files.items():
        file = out / name
        if not file.exists() or file.read_text(encoding="utf-8") != code:
            file.write_text(code, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
