"""FlagEmbedding, whose numbers are the reference."""

from FlagEmbedding import BGEM3FlagModel
from serving import MAX_LENGTH, Encode, Settings, serve


def load(settings: Settings) -> Encode:
    model = BGEM3FlagModel(
        str(settings.model), devices="cpu", use_fp16=False, use_bf16=settings.precision == "bfloat16"
    )
    return lambda texts, batch_size: model.encode(texts, batch_size=batch_size, max_length=MAX_LENGTH)["dense_vecs"]


serve(load)
