"""Writes the C++ examples of a Markdown file into a directory: README.md's ```cpp blocks named by a comment before them.

<!-- example: quickstart -->
```cpp
...
```
"""

import pathlib
import re
import sys

EXAMPLE = re.compile(r"<!-- example: (\w+) -->\n```cpp\n(.*?)```", re.S)
ANY_BLOCK = re.compile(r"^```cpp$", re.M)


def main(markdown: str, out_dir: str) -> None:
    text = pathlib.Path(markdown).read_text(encoding="utf-8")
    examples = EXAMPLE.findall(text)
    if not examples or len(examples) != len(ANY_BLOCK.findall(text)):
        sys.exit(f"{markdown}: every ```cpp block needs a line '<!-- example: NAME -->' before it")
    out = pathlib.Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    for stale in out.glob("*.cpp"):
        if stale.stem not in dict(examples):
            stale.unlink()
    for name, code in examples:
        file = out / f"{name}.cpp"
        if not file.exists() or file.read_text(encoding="utf-8") != code:
            file.write_text(code, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
