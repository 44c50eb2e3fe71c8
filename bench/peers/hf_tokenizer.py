"""The Hugging Face tokenizer as a peer of bench_tokenizer, on one thread. One JSON object a line in, one out:

{"texts": [...]}  -> {"ids": [[...]], "method": "..."}: loads the texts and finds the faster way to encode them
{"run": true}     -> {"seconds": ...}: encodes all texts once
"""

import json
import os
import sys
import time
from collections.abc import Callable

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from transformers import AutoTokenizer  # noqa: E402 - reads the environment when imported

REHEARSALS = 2


def measure(encode: Callable[[list[str]], list], texts: list[str]) -> float:
    begin = time.perf_counter()
    encode(texts)
    return time.perf_counter() - begin


def main() -> None:
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1]).backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    methods = {
        "one by one": lambda texts: [tokenizer.encode(text) for text in texts],
        "encode_batch": tokenizer.encode_batch,
        "encode_batch_fast": tokenizer.encode_batch_fast,
    }
    texts, method = [], ""
    for line in sys.stdin:
        request = json.loads(line)
        if "texts" in request:
            texts = request["texts"]
            best = {name: min(measure(encode, texts) for _ in range(REHEARSALS)) for name, encode in methods.items()}
            method = min(best, key=best.get)
            reply = {"ids": [encoding.ids for encoding in tokenizer.encode_batch(texts)], "method": method}
        else:
            reply = {"seconds": measure(methods[method], texts)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
