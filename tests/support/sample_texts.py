"""Texts of several scripts; one is empty, and one is longer than the rest together."""

TEXTS = [
    "BGE M3 is an embedding model.",
    "Le prix du café est de 3 €.",
    "東京は日本の首都です。",
    "السلام عليكم",
    "",
    "Семь раз отмерь, один отрежь. " * 30,
]
