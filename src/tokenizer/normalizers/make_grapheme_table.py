"""Writes grapheme_ranges.inc: what Unicode says about where grapheme clusters break.

    pip install regex==2025.11.3        # has the data of Unicode 17
    python src/tokenizer/make_grapheme_table.py > src/tokenizer/grapheme_ranges.inc

The version matters: the ids of a text depend on it. Unicode 17 is what tokenizers 0.23 breaks by.
"""

import regex

# Later lines win: a linker is an extender too, a consonant has no break class of its own.
CLASSES = {
    "control": r"\p{GCB=Control}",
    "extend": r"\p{GCB=Extend}",
    "spacing_mark": r"\p{GCB=SpacingMark}",
    "prepend": r"\p{GCB=Prepend}",
    "regional_indicator": r"\p{GCB=Regional_Indicator}",
    "hangul_l": r"\p{GCB=L}",
    "hangul_v": r"\p{GCB=V}",
    "hangul_t": r"\p{GCB=T}",
    "pictographic": r"[\p{Extended_Pictographic}&&\p{GCB=Other}]",
    "consonant": r"\p{InCB=Consonant}",
    "linker": r"\p{InCB=Linker}",
    "carriage_return": r"\r",
    "line_feed": r"\n",
    "joiner": "\u200d",
    "non_joiner": "\u200c",
}


def main() -> None:
    every = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    class_of: dict[int, str] = {}
    for name, pattern in CLASSES.items():
        for match in regex.finditer(pattern, every, regex.V1):
            class_of[ord(match.group())] = name

    ranges: list[list] = []
    for code, name in sorted(class_of.items()):
        if ranges and ranges[-1][1] == code - 1 and ranges[-1][2] == name:
            ranges[-1][1] = code
        else:
            ranges.append([code, code, name])

    print("// Written by make_grapheme_table.py from the data of Unicode 17.0; do not edit.")
    print("// Hangul syllables are left out: their class follows from their number.")
    for first, last, name in ranges:
        print(f"{{{first:#x}, {last:#x}, GraphemeClass::{name}}},")


if __name__ == "__main__":
    main()
