"""The normalisation rules XLM-R was trained with, rebuilt from an installed sentencepiece.

XLM-R uses sentencepiece's `nmt_nfkc` of 2019. Newer releases added rules for characters that Unicode got since, and no
longer turn U+200D into a space. Taking the installed rules back to the old set and letting sentencepiece compile them
gives the original bytes; the checksum proves it.
"""

import hashlib
import io
import struct
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as model_pb2

SHA256 = "0942789e0111452f1cc446f70036e26d24458c3c7858c53cc12ca4d87531279b"

# Code points whose rules are younger than XLM-R; complete for sentencepiece 0.1.99 to 0.2.3.
YOUNGER = """
    61C 32FF A7F1-A7F4 AB69 105D2 105DA 10781-10785 10787-107B0 107B2-107BA 11382 11384 1138B 11390 113B8 113BB 113C2
    113C9 11930 11935 1611E-16120 16129 16D63 16D67 1CCD6-1CCF9 1E030-1E06D 1F16C 1F23B 1FBF0-1FBF9
"""


def build() -> bytes:
    """The precompiled charsmap of XLM-R's SentencePiece model."""
    installed = _compile(normalization_rule_name="nmt_nfkc")
    rules = without_younger(decode(installed))
    rules["\u200d".encode()] = b" "
    charsmap = _compile_rules(rules)
    found = hashlib.sha256(charsmap).hexdigest()
    if found != SHA256:
        raise SystemExit(
            f"charsmap built with sentencepiece {sentencepiece.__version__} has sha256 {found}, XLM-R's has {SHA256}; "
            "install sentencepiece==0.2.3"
        )
    return charsmap


def decode(charsmap: bytes) -> dict[bytes, bytes]:
    """All rules of a precompiled charsmap: u32 trie size, darts-clone trie, NUL-terminated replacements."""
    (trie_size,) = struct.unpack_from("<I", charsmap)
    trie = struct.unpack_from(f"<{trie_size // 4}I", charsmap, 4)
    replacements = charsmap[4 + trie_size :]
    rules = {}
    pending = [(0, b"")]
    while pending:
        node, key = pending.pop()
        unit = trie[node]
        base = node ^ ((unit >> 10) << ((unit & 0x200) >> 6))
        if key and unit & 0x100:
            begin = trie[base] & 0x7FFFFFFF
            rules[key] = replacements[begin : replacements.index(b"\0", begin)]
        pending += [(base ^ byte, key + bytes([byte])) for byte in range(1, 256) if _is_child(trie, base ^ byte, byte)]
    return rules


def without_younger(rules: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The rules without those for characters added to Unicode after XLM-R."""
    younger = set()
    for part in YOUNGER.split():
        first, _, last = part.partition("-")
        younger.update(range(int(first, 16), int(last or first, 16) + 1))
    return {key: value for key, value in rules.items() if younger.isdisjoint(map(ord, key.decode()))}


def _is_child(trie: tuple, node: int, byte: int) -> bool:
    return node < len(trie) and trie[node] & 0x800000FF == byte


def _hex(text: bytes) -> str:
    return " ".join(f"{ord(char):X}" for char in text.decode())


def _compile_rules(rules: dict[bytes, bytes]) -> bytes:
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        for key in sorted(rules):  # UTF-8 order is code point order
            file.write(f"{_hex(key)}\t{_hex(rules[key])}\n")
        file.flush()
        return _compile(normalization_rule_tsv=file.name)


def _compile(**normalization: str) -> bytes:
    """Trains a throw-away model; only its normaliser is of interest."""
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["hello world this is a test", "abc def ghi"] * 10),
        model_writer=out,
        model_type="unigram",
        vocab_size=30,
        hard_vocab_limit=False,
        minloglevel=2,
        **normalization,
    )
    model = model_pb2.ModelProto()
    model.ParseFromString(out.getvalue())
    return model.normalizer_spec.precompiled_charsmap
