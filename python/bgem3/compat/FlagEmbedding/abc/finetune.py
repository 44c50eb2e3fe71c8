"""FlagEmbedding's training, which cannot be imported here."""

from .. import finetune  # noqa: F401  It raises.
