"""Writes bert_characters.inc: what BertNormalizer and BertPreTokenizer of tokenizers do with each character.

    pip install tokenizers==0.23.3
    python src/tokenizer/normalizers/make_bert_tables.py > src/tokenizer/normalizers/bert_characters.inc

The tables are read off tokenizers itself, because its steps know different versions of Unicode: the marks that it strips
are those of an older one than the letters that it lowers.
"""

import unicodedata
from collections.abc import Callable, Iterable

from tokenizers import normalizers, pre_tokenizers

CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)
DOTTED_I = 0x130  # the only letter that becomes two: "i" and a dot


def step(**option: bool) -> Callable[[str], str]:
    options = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False, **option}
    return normalizers.BertNormalizer(**options).normalize_str


clean, pad, strip, lower = (
    step(**{name: True}) for name in ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
)
decompose = normalizers.NFD().normalize_str


def inside(change: Callable[[str], str], code: int) -> str:
    changed = change(f"a{chr(code)}b")
    assert changed[0] == "a" and changed[-1] == "b"
    return changed[1:-1]


def ranges(codes: Iterable[int]) -> list[tuple[int, int]]:
    found: list[list[int]] = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return [(first, last) for first, last in found]


def deleted(change: Callable[[str], str]) -> list[int]:
    return [code for code in CODES if inside(change, code) == ""]


def decompositions(marks: set[int]) -> dict[int, str]:
    """Those with another character than the marks left, without Hangul syllables, whose parts follow from their number."""
    parts = {}
    for code in CODES:
        stripped = inside(strip, code)
        if code not in HANGUL and code not in marks and stripped != chr(code):
            parts[code] = stripped
    assert max(map(len, parts.values())) <= 3
    return parts


def nonstarters() -> list[tuple[int, int]]:
    """Characters that canonical order may move past each other, with their class, that of the first part."""
    low, high = "\u0334", "\u0301"  # of the classes 1 and 230
    found = []
    for code in CODES:
        text = chr(code)
        if decompose(text) != text:
            continue
        if decompose(text + low) != text + low or decompose(high + text) != high + text or text in (low, high):
            found.append((code, unicodedata.combining(text)))
    for first, rank in found:  # the classes of Python order them as tokenizers does
        for second, other in found:
            text = chr(first) + chr(second)
            assert (decompose(text) != text) == (rank > other), (hex(first), hex(second))
    assert all(rank > 0 for _, rank in found)
    known = dict(found)
    split = [code for code in CODES if decompose(chr(code)) != chr(code) and ord(decompose(chr(code))[0]) in known]
    return sorted(found + [(code, known[ord(decompose(chr(code))[0])]) for code in split])


def lowered() -> list[tuple[int, int, int, int]]:
    """First, last, step and distance of letters that become one other letter each."""
    found: list[list[int]] = []
    for code in CODES:
        small = inside(lower, code)
        if small == chr(code) or code == DOTTED_I:
            continue
        assert len(small) == 1
        distance = ord(small) - code
        last = found[-1] if found else None
        if last and last[3] == distance and code - last[1] <= 2 and last[2] in (0, code - last[1]):
            last[1], last[2] = code, code - last[1]
        else:
            found.append([code, code, 0, distance])
    return [(first, last, step or 1, distance) for first, last, step, distance in found]


def punctuation() -> list[int]:
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    return [code for code in CODES if len(split(f"a{chr(code)}b")) == 3]


def table(kind: str, name: str, rows: Iterable[str]) -> None:
    print(f"inline constexpr {kind} {name}[] = {{")
    line = ""
    for row in rows:
        if len(line) + len(row) > 116:
            print(f"    {line}")
            line = ""
        line += ("" if not line else " ") + row + ","
    print(f"    {line}\n}};\n")


def range_table(name: str, codes: Iterable[int]) -> None:
    table("CodeRange", name, (f"{{{first:#x}, {last:#x}}}" for first, last in ranges(codes)))


def main() -> None:
    marks = deleted(strip)
    assert inside(lower, DOTTED_I) == "i\u0307"
    print("// Written by make_bert_tables.py with tokenizers 0.23.3; do not edit.\n")
    range_table("cleaned", deleted(clean))
    range_table("cleaned_spaces", (code for code in CODES if code != 0x20 and inside(clean, code) == " "))
    range_table("padded", (code for code in CODES if inside(pad, code) == f" {chr(code)} "))
    range_table("marks", marks)
    table(
        "Decomposition",
        "decompositions",
        (
            f"{{{code:#x}, {{{', '.join(f'{ord(part):#x}' for part in parts)}}}}}"
            for code, parts in decompositions(set(marks)).items()
        ),
    )
    classes = {}
    for code, rank in nonstarters():
        classes.setdefault(rank, []).append(code)
    rows = sorted((first, last, rank) for rank, codes in classes.items() for first, last in ranges(codes))
    table("Nonstarters", "nonstarters", (f"{{{first:#x}, {last:#x}, {rank}}}" for first, last, rank in rows))
    table("LetterRange", "upper", (f"{{{a:#x}, {b:#x}, {c}, {d}}}" for a, b, c, d in lowered()))
    range_table("punctuation", punctuation())


if __name__ == "__main__":
    main()
