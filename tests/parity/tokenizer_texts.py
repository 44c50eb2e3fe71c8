"""Texts on which tokenizers differ: a wide, seeded fuzz, and every code point of Unicode in small contexts."""

import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
# All of the planes that have characters; of those that are empty or for private use, whose characters no rule names, one
# in 32.
TELLING_CODE_POINTS = [c for c in CODE_POINTS if c >> 16 in (0, 1, 2, 3, 14) or c % 64 in (0, 63)]
SPECIALS = ["<s>", "</s>", "<pad>", "<unk>", "<mask>"]
# Almost special tokens, and characters that normalisation makes into one.
NEAR_SPECIALS = [
    "<s",
    "s>",
    "< s>",
    "<S>",
    "<<s>>",
    "</ s>",
    "<mask",
    "<MASK>",
    "<\u200bs>",
    "<s\u0301>",
    "＜s＞",
    "＜／s＞",
    "＜ｍａｓｋ＞",
    "﹤pad﹥",
    "<unk＞",
    "＜pad>",
]
BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
BERT_NEAR_SPECIALS = [
    "[CLS",
    "CLS]",
    "[ CLS]",
    "[cls]",
    "[[SEP]]",
    "[MASK",
    "[Mask]",
    "[\u200bMASK]",
    "[UNK\u0301]",
    "[PAD\u0301",
    "［CLS］",
    "##a",
    "[SEP]##",
]
SPACES = [
    chr(c)
    for c in (
        9,
        10,
        11,
        12,
        13,
        0x20,
        0x85,
        0xA0,
        0x1680,
        *range(0x2000, 0x2010),
        0x2028,
        0x2029,
        0x202F,
        0x205F,
        0x2060,
        0x2581,
        0x3000,
        0xFEFF,
        0xFFFD,
    )
]
EMOJI = ["😀", "👩‍👩‍👧‍👦", "👍🏽", "🇩🇪", "🇯🇵🇫", "❤️", "❤\u200d🔥", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "™\u200d", "©️", "㊗", "Ⓜ\ufe0f", "👁️‍🗨️"]
WORDS = [
    "the",
    "of",
    "and",
    "tokenization",
    "internationalisation",
    "Straße",
    "señor",
    "fiancée",
    "Москва",
    "привет",
    "世界",
    "こんにちは",
    "東京都",
    "안녕하세요",
    "مرحبا",
    "שלום",
    "สวัสดี",
    "नमस्ते",
    "বাংলা",
    "தமிழ்",
    "ქართული",
    "Ελλάδα",
    "e\u0301te\u0301",
    "I'm",
    "don't",
    "3.14159",
    "2026-11-23",
    "https://example.org/?q=a%20b&c=1#d",
    "foo_bar(x)",
    "a@b.cc",
    "U.S.A.",
]


def _ranges(*pairs: tuple[int, int]) -> list[str]:
    return [chr(c) for first, last in pairs for c in range(first, last + 1)]


def _where(test: Callable[[str], bool]) -> list[str]:
    return [chr(c) for c in CODE_POINTS if test(chr(c))]


# What one text may draw from. Marks, jamo and characters with a compatibility form are where normalisation goes by
# grapheme cluster; the lists of a few characters make the rare combinations frequent.
POOLS = {
    "ascii": _ranges((0x20, 0x7E)),
    "controls": _ranges((0, 0x1F), (0x7F, 0x9F)),
    "latin": _ranges((0xA0, 0x24F), (0x1E00, 0x1EFF)),
    "greek_cyrillic": _ranges((0x370, 0x52F), (0x1F00, 0x1FFF)),
    "semitic": _ranges((0x590, 0x6FF), (0x750, 0x77F), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFC)),
    "indic": _ranges((0x900, 0xDFF)),
    "southeast_asia": _ranges((0xE00, 0x109F), (0x1780, 0x17FF), (0x1A20, 0x1AAF), (0x1B00, 0x1B7F), (0xA980, 0xA9DF)),
    "jamo": _ranges((0x1100, 0x11FF), (0xA960, 0xA97C), (0xD7B0, 0xD7FB), (0x3131, 0x318E), (0xFFA0, 0xFFDC)),
    "hangul": _ranges((0xAC00, 0xD7A3)),
    "kana": _ranges((0x3041, 0x30FF), (0xFF66, 0xFF9F), (0x3099, 0x309C)),
    "cjk": _ranges((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF), (0x2F00, 0x2FD5)),
    "wide_forms": _ranges((0xFF01, 0xFFEE), (0x3200, 0x33FF)),
    "punctuation": _ranges((0x2000, 0x206F), (0x3000, 0x303F)),
    "symbols": _ranges((0x2070, 0x2BFF)),
    "conjuncts": [
        "\u0915",
        "\u0958",
        "\u095d",
        "\u09a1",
        "\u09dc",
        "\u0b5c",
        "\u094d",
        "\u09cd",
        "\u0b4d",
        "\u093c",
        "\u0301",
        "\u200d",
        "\u200c",
        "\u0bcd",
        "\u1039",
        "\u1000",
        "\u17d2",
        "\u1780",
    ],
    "around_limit": [
        "ª",
        "½",
        "Å",
        "Ａ",
        "ﾊ",
        "™",
        "㊗",
        "ﬁ",
        "ｶ",
        "a",
        "é",
        "\u0301",
        "\u0327",
        "\u20dd",
        "\u3099",
        "\uff9e",
        "\u200d",
        "\ufe0f",
        "\u0600",
        "\u06dd",
        "\u0903",
        "\U0001f3fb",
        "\U000e0100",
        "\r",
        "\n",
        "❤",
        "🇩",
        "\u0897",
        "\u1acf",
    ],
    "spaces": SPACES,
    "specials": [],  # of the tokenizer
    "emoji": EMOJI + ["\u200d", "\ufe0f", "🏽", "🇫", "❤"],
    "words": WORDS,
    "any": [chr(c) for c in CODE_POINTS],
    "basic_plane": [chr(c) for c in CODE_POINTS if c < 0x10000],
    "assigned": _where(lambda c: unicodedata.category(c) not in ("Cn", "Co")),
    "marks": _where(lambda c: unicodedata.category(c)[0] == "M"),
    "formats": _where(lambda c: unicodedata.category(c) == "Cf"),
    "compatible": _where(lambda c: unicodedata.normalize("NFKC", c) != c),
    "composed": _where(lambda c: unicodedata.normalize("NFD", c) != c),
    # They may change places with accents, and stay when those are stripped.
    "nonstarters": _where(lambda c: unicodedata.combining(c) != 0 and unicodedata.category(c) != "Mn"),
}


@dataclass(frozen=True)
class Source:
    """What texts are made of."""

    golden: list[str]
    specials: list[str]  # the mask is the last
    near_specials: list[str]

    def pool(self, name: str) -> list[str]:
        return self.specials + self.near_specials + [" "] if name == "specials" else POOLS[name]


def _mixture(rng: random.Random, source: Source) -> str:
    """Runs from one to four pools, with or without spaces between."""
    pools = [source.pool(name) for name in rng.choices(list(POOLS), k=rng.randint(1, 4))]
    between = rng.choice(["", "", " ", "  "])
    runs = ["".join(rng.choices(rng.choice(pools), k=rng.randint(1, 6))) for _ in range(rng.randint(1, 8))]
    return between.join(runs)


def _marked(rng: random.Random, source: Source) -> str:
    """Base characters, each with marks and joiners around it."""
    bases = POOLS[
        rng.choice(["compatible", "composed", "latin", "kana", "indic", "around_limit", "conjuncts", "assigned"])
    ]
    marks = POOLS[rng.choice(["marks", "marks", "around_limit", "conjuncts", "formats", "nonstarters"])] + [
        "\u0301",
        "\u200d",
    ]
    return "".join(
        rng.choice(bases) + "".join(rng.choices(marks, k=rng.randint(0, 3))) for _ in range(rng.randint(1, 8))
    )


def _spliced(rng: random.Random, source: Source) -> str:
    """Pieces of real texts, cut anywhere, some decomposed, some with special tokens or spaces between."""
    parts = []
    for _ in range(rng.randint(1, 4)):
        text = rng.choice(source.golden)
        begin = rng.randint(0, len(text))
        part = text[begin : begin + rng.randint(1, 60)]
        parts.append(unicodedata.normalize(rng.choice(["NFC", "NFD", "NFKD"]), part) if rng.random() < 0.3 else part)
    return rng.choice(
        ["", " ", "\n", rng.choice(source.specials), f" {source.specials[-1]} ", rng.choice(SPACES)]
    ).join(parts)


def _repeated(rng: random.Random, source: Source) -> str:
    """One short string many times: sums of scores tie."""
    unit = "".join(rng.choices(source.pool(rng.choice(list(POOLS))), k=rng.randint(1, 5)))
    return unit * rng.randint(2, 300)


def _unbroken(rng: random.Random, source: Source) -> str:
    """Long, without a space: hexadecimal, base64, digits, letters, or a language that needs none."""
    kind = rng.randrange(6)
    if kind == 5:
        return "".join(rng.choices([t for t in source.golden if "の" in t], k=rng.randint(1, 20))).replace(" ", "")
    alphabet = [
        "0123456789abcdef",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "0123456789",
        "abcdefghijklmnopqrstuvwxyz",
        "ACGT",
    ][kind]
    return "".join(rng.choices(alphabet, k=rng.randint(10, 400)))


def _sentence(rng: random.Random, source: Source) -> str:
    """Words of many languages with ordinary punctuation."""
    ends = [" ", " ", " ", ", ", ". ", "\n", "", "-"]
    return "".join(rng.choice(WORDS) + rng.choice(ends) for _ in range(rng.randint(1, 20)))


def _special_mixture(rng: random.Random, source: Source) -> str:
    """Special tokens, whole and broken, among spaces and letters."""
    atoms = source.specials * 3 + source.near_specials + SPACES + ["a", "b ", " x", "<", ">", "[", "]", "\0"]
    return "".join(rng.choices(atoms, k=rng.randint(1, 8)))


_KINDS = [_mixture] * 4 + [_marked] * 5 + [_spliced] * 4 + [_repeated, _unbroken, _sentence] + [_special_mixture] * 2


def _fuzz(count: int, source: Source, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(count):
        yield rng.choice(_KINDS)(rng, source)


def fuzz(count: int, golden: list[str], seed: int, *more: str) -> Iterator[str]:
    """`count` texts, the same for the same seed, with the special tokens of XLM-RoBERTa, and `more`."""
    return _fuzz(count, Source(golden, [*more, *SPECIALS], NEAR_SPECIALS), seed)


def bert_fuzz(count: int, golden: list[str], seed: int, *more: str) -> Iterator[str]:
    """The same with those of BERT, and `more`."""
    return _fuzz(count, Source(golden, [*more, *BERT_SPECIALS], BERT_NEAR_SPECIALS), seed)


def long_texts(golden: list[str], seed: int) -> list[str]:
    """Up to 60,000 characters without a space, where sums of floats would go wrong."""
    rng = random.Random(seed)
    japanese = "".join(t for t in golden if "の" in t).replace(" ", "").replace("\u3000", "")
    texts = [
        "".join(rng.choices(alphabet, k=size))
        for alphabet in ("0123456789abcdef", "ABCDEFGHabcdefgh0123456789+/", "01", "acgt")
        for size in (5_000, 20_000, 60_000)
    ]
    units = ("a", "中", "cc", "-----", "ﾊﾟ", "e\u0301", "‴", "あア", "xyz ", "😀", "\u0301")
    texts += [unit * (60_000 // len(unit)) for unit in units]
    texts += ["".join(rng.choices(japanese, k=30_000)), (japanese * 20)[:60_000]]
    texts.append(" ".join(rng.choices(WORDS, k=10_000)))
    return texts


def in_contexts(code_points: list[int]) -> Iterator[str]:
    """Every code point alone, and, in one text, after letters of one and two bytes, before an accent, and inside."""
    for code_point in code_points:
        c = chr(code_point)
        yield c
        yield f"a{c} ª{c} {c}\u0301 ª\u0301{c}Å \u0915\u094d{c}\u0301"


# Marks that stay when accents are stripped. Canonical order puts an acute accent, whose class is 230, behind all of them,
# and a cedilla, of 202, behind one.
STAYING_MARKS = ["\U0001d165", "\U0001d16d", "\u1b44", "\u302e"]


def among_marks(code_points: list[int]) -> Iterator[str]:
    """Every code point where canonical order moves it or what is beside it, in eight places of one text."""
    for code_point in code_points:
        c = chr(code_point)
        around = " ".join(f"a{mark}{c} {c}{mark}b" for mark in STAYING_MARKS[:3])
        yield f"{around} {c}\u0301\u302e{c} \u302e{c}\u0327\U0001d165"


def among_kinds(code_points: list[int]) -> Iterator[str]:
    """Every code point beside letters, numbers, other characters, white space and in what may be a contraction."""
    for code_point in code_points:
        c = chr(code_point)
        yield f"a{c}a 1{c}1 !{c}! {c} {c}{c}  {c}\n{c} '{c}'s{c}"
