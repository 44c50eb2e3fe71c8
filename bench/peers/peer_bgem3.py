"""bgem3 itself."""

from serving import Encode, Settings, serve

from bgem3 import EmbeddingModel


def load(settings: Settings) -> Encode:
    model = EmbeddingModel(settings.model, device="cpu", dtype=settings.precision, threads=settings.threads)
    return lambda texts, batch_size: model.encode(texts, batch_size=batch_size, show_progress_bar=False)


serve(load)
