"""Writes byte_level_characters.inc: the letters and numbers of the regular expression of ByteLevel in tokenizers.

    pip install tokenizers==0.23.3
    python src/tokenizer/pre_tokenizers/make_byte_level_tables.py > src/tokenizer/pre_tokenizers/byte_level_characters.inc

The tables are read off tokenizers itself, because its regular expressions know a version of Unicode of their own.
"""

from collections.abc import Iterable

from tokenizers import pre_tokenizers

CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
WHITE_SPACE = [0x9, 0xA, 0xB, 0xC, 0xD, 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F]
WHITE_SPACE += [0x205F, 0x3000]  # as src/text/white_space.h has it

split = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str


def go_on(before: str) -> list[int]:
    """Characters that belong to the word of the one before them."""
    return [code for code in CODES if len(split(before + chr(code))) == 1]


def table(name: str, codes: Iterable[int]) -> None:
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    print(f"inline constexpr CodeRange {name}[] = {{")
    line = ""
    for first, last in ranges:
        row = f"{{{first:#x}, {last:#x}}},"
        if len(line) + len(row) > 115:
            print(f"    {line}")
            line = ""
        line += ("" if not line else " ") + row
    print(f"    {line}\n}};\n")


def main() -> None:
    letters, numbers, others = go_on("a"), go_on("1"), go_on("!")
    spaces = sorted(set(CODES) - set(letters) - set(numbers) - set(others))
    assert len(letters) + len(numbers) + len(others) + len(spaces) == len(CODES)
    assert spaces == sorted(WHITE_SPACE)
    print("// Written by make_byte_level_tables.py with tokenizers 0.23.3; do not edit.\n")
    table("letters", letters)
    table("numbers", numbers)


if __name__ == "__main__":
    main()
