"""The model without a server, in a process of its own: the vectors that are right, and the speed to compare with.

    python in_process.py SETTINGS.json

SETTINGS: model, device, dtype, batch_size; texts (a list); vectors (a file to write); rounds (of timed calls), of which those
that would begin after `seconds` are left out. Prints an empty line when the vectors are written, then one of JSON for each
round: [begin, seconds].
"""

import json
import pathlib
import sys
import time

import numpy as np

from bgem3 import BGEM3FlagModel


def main() -> None:
    settings = json.loads(pathlib.Path(sys.argv[1]).read_text())
    texts = settings["texts"]
    with BGEM3FlagModel(
        settings["model"], devices=settings["device"], dtype=settings["dtype"], show_progress_bar=False
    ) as model:

        def encode() -> np.ndarray:
            return model.encode(texts, batch_size=settings["batch_size"], max_length=8192)["dense_vecs"]

        np.save(settings["vectors"], encode().astype(np.float32))
        print(flush=True)
        end = time.perf_counter() + settings["seconds"]
        for _ in range(settings["rounds"]):
            begin = time.perf_counter()
            if begin > end:
                break
            encode()
            print(json.dumps([begin, time.perf_counter() - begin]), flush=True)


main()
