"""FlagEmbedding's training, which cannot be imported here."""

raise ImportError(
    "bgem3 does not train models: run training with FlagEmbedding itself, without bgem3.compat; bgem3 reads what it saves",
    name=__name__,
)
