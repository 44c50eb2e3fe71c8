"""Writes the C++ and C examples of a Markdown file into a directory: README.md's ```cpp and ```c blocks, each with the
name that a comment before it gives.

<!-- example: quickstart -->
```cpp
...
```
"""

import pathlib
import re
import sys

EXAMPLE = re.compile(r"<!-- example: (\w+) -->\n```(cpp|c)\n(.*?)```", re.S)
ANY_BLOCK = re.compile(r"^```(?:cpp|c)$", re.M)


def main(markdown: str, out_dir: str) -> None:
    text = pathlib.Path(markdown).read_text(encoding="utf-8")
    examples = EXAMPLE.findall(text)
    if not examples or len(examples) != len(ANY_BLOCK.findall(text)):
        sys.exit(f"{markdown}: every ```cpp and ```c block needs a line '<!-- example: NAME -->' before it")
    out = pathlib.Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    files = {out / f"{name}.{language}": code for name, language, code in examples}
    for stale in {*out.glob("*.cpp"), *out.glob("*.c")} - set(files):
        stale.unlink()
    for file, code in files.items():
        if not file.exists() or file.read_text(encoding="utf-8") != code:
            file.write_text(code, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
