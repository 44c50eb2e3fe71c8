"""How long kernels, batches and calls of BGE-M3 take on a GPU, from bytes and operations; cuda_model.py prints it.

A kernel takes as long as the slower of its operations and its bytes, and never less than a smallest kernel. Products
consist of tiles that are computed in waves, one tile on each multiprocessor; attention takes what a curve of its kernel
says. Calls are cut into chunks and batches as the library does it, and a batch takes as long as the slower of the GPU and
the host that launches its kernels. float16, CLS vectors.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator

HIDDEN, INNER, LAYERS, HEADS, HEAD_SIZE = 1024, 4096, 24, 16, 64
BYTES = 2  # of a number in float16
WORD_BYTES = 5.5  # of the benchmarks' texts, with the space after it; a word is a token, and a text has two more

# Assumed, for all GPUs.
LAUNCH_SECONDS = 9.5e-6  # of the host for a kernel: 200 of them take 1.9 ms
GRAPH_SECONDS = 20e-6  # of the host for a whole graph
GAP_SECONDS = 1e-6  # between a kernel and the next, which waits for it
CALL_SECONDS = 50e-6  # inputs, results, threads
TOKENIZER_RATE = 8e6  # tokens a second on one thread
TOKENIZER_BYTES = 16384  # of text for each thread
OTHER_LAUNCHES = 12  # of a batch beside its layers: copies, embeddings, the heads
LAYER_LAUNCHES = 7  # four products, attention, two layer norms
GRAPH_TOKENS_MAX = 1024
BATCH_TOKENS = 16384

Curve = Callable[[int], float]  # tokens of a text → seconds of its attention, all heads


@dataclasses.dataclass(frozen=True)
class Attention:
    """One kernel of it."""

    text_seconds: Curve
    smallest_seconds: float


@dataclasses.dataclass(frozen=True, eq=False)
class Gpu:
    name: str
    capability: int  # major, minor
    multiprocessors: int
    matmul: float  # operations a second of large products in float16, sustained
    memory: float  # bytes a second
    cache: float  # bytes a second of the L2 cache
    cache_bytes: float
    smallest_kernel: float  # seconds
    gelu_factor: float  # a product with GELU within, divided by the same without
    attention: dict[str, Attention]
    measured: bool = False


@dataclasses.dataclass(frozen=True)
class Code:
    """Which of the changes the code has."""

    one_pass_norms: bool = False
    gelu_in_product: bool = False
    long_attention: bool = False
    short_attention: bool = False
    chunks_by_bytes: bool = False
    graphs: bool = False


STEPS = {
    "one_pass_norms": "layer norms in one pass",
    "gelu_in_product": "GELU within the product",
    "long_attention": "attention for long texts",
    "short_attention": "attention for short texts",
    "chunks_by_bytes": "full batches, chunks by bytes",
    "graphs": "CUDA graphs",
}


# Operations, bytes and the least that they take.


def layer_flops(tokens: int) -> int:
    """Of one text: products, and scores and sums of attention."""
    return tokens * (8 * HIDDEN**2 + 4 * HIDDEN * INNER + 4 * HIDDEN * tokens)


def last_layer_flops(tokens: int) -> int:
    """Keys and values of all tokens, the rest for the first token alone."""
    return tokens * 4 * HIDDEN**2 + 4 * HIDDEN**2 + 4 * HIDDEN * INNER + 4 * HIDDEN * tokens


def count_flops(lengths: list[int]) -> int:
    return sum((LAYERS - 1) * layer_flops(tokens) + last_layer_flops(tokens) for tokens in lengths)


def floor_seconds(gpu: Gpu, lengths: list[int]) -> float:
    """All operations at the rate of large products, or all weights read once."""
    weight_bytes = LAYERS * (4 * HIDDEN**2 + 2 * HIDDEN * INNER) * BYTES
    return max(count_flops(lengths) / gpu.matmul, weight_bytes / gpu.memory)


# Kernels.

TILE_SIDES = (64, 128, 192, 256)
TILE_NUMBERS_MAX = 256 * 136  # as many sums as the registers of a multiprocessor hold
BEST_TILE = (128, 256)


def tile_intensity(rows: int, columns: int) -> float:
    """Of operations to numbers read."""
    return 2 / (1 / rows + 1 / columns)


def tile_efficiency(rows: int, columns: int) -> float:
    """Small tiles read more for each operation: 128 × 128 reaches 0.86 of the best tile, 64 × 64 half."""
    half = 150  # a tile of this intensity spends half of its time reading
    found, best = tile_intensity(rows, columns), tile_intensity(*BEST_TILE)
    return min(1.0, found / (found + half) * (best + half) / best)


@functools.cache
def tiles() -> tuple[tuple[int, int], ...]:
    """What cuBLASLt has for Hopper: one side of a few sizes, the other a multiple of 8."""
    pairs = [(side, other) for side in TILE_SIDES for other in range(8, 257, 8)]
    fitting = [pair for pair in pairs if pair[0] * pair[1] <= TILE_NUMBERS_MAX]
    return tuple(sorted({*fitting, *((other, side) for side, other in fitting)}))


def tiled_seconds(gpu: Gpu, rows: int, columns: int, inner: int) -> float:
    """Of a product, by the tile that suits it best, its inner dimension cut into up to eight parts."""
    rate = gpu.matmul / gpu.multiprocessors

    def seconds(tile: tuple[int, int], parts: int) -> float:
        count = math.ceil(rows / tile[0]) * math.ceil(columns / tile[1]) * parts
        waves = math.ceil(count / gpu.multiprocessors)
        added = 2 * 4 * rows * columns * parts / gpu.cache if parts > 1 else 0
        return waves * 2 * tile[0] * tile[1] * inner / parts / (rate * tile_efficiency(*tile)) + added

    return min(seconds(tile, parts) for tile in tiles() for parts in (1, 2, 4, 8))


@functools.cache
def product_seconds(gpu: Gpu, rows: int, columns: int, inner: int) -> float:
    """[rows, inner] · [inner, columns]."""
    moved = BYTES * (rows * inner + inner * columns + rows * columns)
    return max(tiled_seconds(gpu, rows, columns, inner), moved / gpu.memory, gpu.smallest_kernel)


def moving_seconds(gpu: Gpu, size: float) -> float:
    """What fits into the cache was left there by the kernel before."""
    rate = gpu.cache if size < 0.6 * gpu.cache_bytes else gpu.memory
    return max(size / rate, gpu.smallest_kernel)


def norm_seconds(gpu: Gpu, code: Code, rows: int) -> float:
    """Two rows read and one written; in three passes both are read twice more, from the cache."""
    size = rows * HIDDEN * BYTES
    return moving_seconds(gpu, 3 * size) + (0 if code.one_pass_norms else 4 * size / gpu.cache)


def choose_attention(gpu: Gpu, code: Code, longest: int) -> str:
    """As src/kernels/cuda/attention.cpp does."""
    if gpu.capability < 80:
        return "efficient"
    if code.short_attention and longest <= 64:
        return "short"
    return "long" if code.long_attention and longest > 256 and gpu.capability == 90 else "flash"


def attention_seconds(gpu: Gpu, code: Code, lengths: list[int]) -> float:
    kernel = gpu.attention[choose_attention(gpu, code, max(lengths))]
    moved = 4 * sum(lengths) * HIDDEN * BYTES
    return max(sum(map(kernel.text_seconds, lengths)), moved / gpu.memory, kernel.smallest_seconds)


def first_token_attention_seconds(gpu: Gpu, lengths: list[int]) -> float:
    """One query for each text: all keys and values are read."""
    return max(2 * sum(lengths) * HIDDEN * BYTES / gpu.memory, gpu.smallest_kernel)


def feed_forward_seconds(gpu: Gpu, code: Code, rows: int) -> dict[str, float]:
    up, down = product_seconds(gpu, rows, INNER, HIDDEN), product_seconds(gpu, rows, HIDDEN, INNER)
    if code.gelu_in_product:
        return {"products": up * gpu.gelu_factor + down, "GELU": 0}
    return {"products": up + down, "GELU": moving_seconds(gpu, 2 * rows * INNER * BYTES)}


# A batch and a call.


def add(*parts: dict[str, float]) -> dict[str, float]:
    return {name: sum(each.get(name, 0) for each in parts) for name in ("products", "attention", "norms", "GELU")}


def layer_parts(gpu: Gpu, code: Code, lengths: list[int]) -> dict[str, float]:
    """Seconds of a layer by kind of kernel."""
    rows = sum(lengths)
    projections = product_seconds(gpu, rows, 3 * HIDDEN, HIDDEN) + product_seconds(gpu, rows, HIDDEN, HIDDEN)
    own = {
        "products": projections,
        "attention": attention_seconds(gpu, code, lengths),
        "norms": 2 * norm_seconds(gpu, code, rows),
    }
    return add(own, feed_forward_seconds(gpu, code, rows))


def last_layer_parts(gpu: Gpu, code: Code, lengths: list[int]) -> dict[str, float]:
    """Keys and values of all tokens, the rest for the first tokens."""
    rows, texts = sum(lengths), len(lengths)
    keys_and_values = product_seconds(gpu, rows, 2 * HIDDEN, HIDDEN)
    own = {
        "products": keys_and_values + 2 * product_seconds(gpu, texts, HIDDEN, HIDDEN),
        "attention": first_token_attention_seconds(gpu, lengths),
        "norms": 2 * norm_seconds(gpu, code, texts),
    }
    return add(own, feed_forward_seconds(gpu, code, texts))


def batch_parts(gpu: Gpu, code: Code, lengths: list[int]) -> dict[str, float]:
    one = layer_parts(gpu, code, lengths)
    layers = {name: (LAYERS - 1) * seconds for name, seconds in one.items()}
    return add(layers, last_layer_parts(gpu, code, lengths))


def count_launches(code: Code) -> int:
    return LAYERS * (LAYER_LAUNCHES + (not code.gelu_in_product)) + OTHER_LAUNCHES


def batch_seconds(gpu: Gpu, code: Code, lengths: list[int]) -> float:
    launches = count_launches(code)
    computed = sum(batch_parts(gpu, code, lengths).values()) + launches * GAP_SECONDS
    as_graph = code.graphs and sum(lengths) <= GRAPH_TOKENS_MAX
    return computed + GRAPH_SECONDS if as_graph else max(computed, launches * LAUNCH_SECONDS)


def cut_by_texts(lengths: list[int]) -> Iterator[list[int]]:
    """Chunks of 32 texts, 64, 128 … 1024."""
    size = 32
    while lengths:
        yield lengths[:size]
        lengths, size = lengths[size:], min(2 * size, 1024)


def text_bytes(tokens: int) -> float:
    return max(tokens - 2, 0) * WORD_BYTES


def cut_by_bytes(lengths: list[int]) -> Iterator[list[int]]:
    """Chunks of 64 KiB of text, then twice as much each time up to 1 MiB (src/pipeline/tokenize_ahead.h)."""
    size = 64 * 1024
    while lengths:
        count, seen = 0, 0.0
        while count < len(lengths) and seen < size:
            seen += text_bytes(lengths[count]) + 1
            count += 1
        yield lengths[:count]
        lengths, size = lengths[count:], min(2 * size, 1024 * 1024)


def plan_batches(lengths: list[int], texts_max: int) -> Iterator[list[int]]:
    """Longest first, as include/bgem3/batch_plan.h plans them."""
    batch: list[int] = []
    for tokens in sorted(lengths, reverse=True):
        if batch and (len(batch) == texts_max or sum(batch) + tokens > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(tokens)
    yield batch


def batches_of_call(code: Code, lengths: list[int]) -> list[list[int]]:
    chunks = cut_by_bytes(lengths) if code.chunks_by_bytes else cut_by_texts(lengths)
    texts_max = len(lengths) if code.chunks_by_bytes else 256
    return [batch for chunk in chunks for batch in plan_batches(chunk, texts_max)]


def tokenizing_seconds(code: Code, lengths: list[int]) -> float:
    """Of the first chunk; the others are tokenised while the GPU computes."""
    first = next(cut_by_bytes(lengths) if code.chunks_by_bytes else cut_by_texts(lengths))
    share_of_thread = min(1, TOKENIZER_BYTES / max(1, sum(map(text_bytes, first))))
    return sum(first) * share_of_thread / TOKENIZER_RATE


def call_seconds(gpu: Gpu, code: Code, lengths: list[int]) -> float:
    computed = sum(batch_seconds(gpu, code, batch) for batch in batches_of_call(code, lengths))
    return CALL_SECONDS + tokenizing_seconds(code, lengths) + computed


def call_parts(gpu: Gpu, code: Code, lengths: list[int]) -> dict[str, float]:
    return add(*(batch_parts(gpu, code, batch) for batch in batches_of_call(code, lengths)))


def steps() -> dict[str, Code]:
    """Label → code, from before to after."""
    codes, has = {"before": Code()}, {}
    for name, label in STEPS.items():
        has[name] = True
        codes[f"+ {label}"] = Code(**has)
    return codes


BEFORE, AFTER = Code(), Code(**dict.fromkeys(STEPS, True))
