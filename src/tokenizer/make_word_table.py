"""Writes word_ranges.inc: the characters that a word consists of, `\\w` of Unicode's annex on regular expressions.

    pip install regex==2024.11.6        # has the data of Unicode 16
    python src/tokenizer/make_word_table.py > src/tokenizer/word_ranges.inc

The version matters: the ids of a text depend on it. Unicode 16 is what the regular expressions of tokenizers 0.23 know.
"""

import regex

WORD = r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]"


def main() -> None:
    every = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    ranges: list[list[int]] = []
    for match in regex.finditer(WORD, every, regex.V1):
        code = ord(match.group())
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])

    print("// Written by make_word_table.py from the data of Unicode 16.0; do not edit.")
    for first, last in ranges:
        print(f"{{{first:#x}, {last:#x}}},")


if __name__ == "__main__":
    main()
