"""Abstract classes."""
