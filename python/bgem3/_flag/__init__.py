"""What the classes with FlagEmbedding's interface share."""
