"""sentence-transformers with SDPA attention."""

from sentence_transformers import SentenceTransformer
from serving import Encode, Settings, serve


def load(settings: Settings) -> Encode:
    options = {"dtype": settings.precision, "attn_implementation": "sdpa"}
    model = SentenceTransformer(str(settings.model), device="cpu", model_kwargs=options)
    return lambda texts, batch_size: model.encode(texts, batch_size=batch_size, show_progress_bar=False)


serve(load)
