"""sentence-transformers with SDPA attention."""

from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer
from serving import MAX_LENGTH, Encode, Settings, serve


def load(settings: Settings) -> Encode:
    transformer = Transformer(
        str(settings.model), max_seq_length=MAX_LENGTH, model_kwargs={"dtype": settings.precision}
    )
    pooling = Pooling(transformer.get_embedding_dimension(), "cls")
    model = SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")
    return lambda texts, batch_size: model.encode(texts, batch_size=batch_size, show_progress_bar=False)


serve(load)
