"""bgem3 itself."""

from serving import MAX_LENGTH, Encode, Settings, serve

from bgem3 import BGEM3FlagModel


def load(settings: Settings) -> Encode:
    model = BGEM3FlagModel(str(settings.model), devices="cpu", dtype=settings.precision, show_progress_bar=False)
    return lambda texts, batch_size: model.encode(texts, batch_size=batch_size, max_length=MAX_LENGTH)["dense_vecs"]


serve(load)
