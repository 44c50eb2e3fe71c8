"""What the classes with sentence-transformers' interface share."""
