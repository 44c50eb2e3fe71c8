"""FlagEmbedding, whose numbers are the reference, for models like BGE-M3."""

import numpy as np
from FlagEmbedding import BGEM3FlagModel
from serving import Encode, Settings, serve


def load(settings: Settings) -> Encode:
    model = BGEM3FlagModel(
        str(settings.model), devices="cpu", use_fp16=False, use_bf16=settings.precision == "bfloat16"
    )

    def encode(texts: list[str], batch_size: int) -> np.ndarray:
        return model.encode(texts, batch_size=batch_size, max_length=settings.max_length)["dense_vecs"]

    return encode


serve(load)
