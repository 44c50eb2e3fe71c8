"""What Haystack's components do with documents."""

from collections.abc import Sequence
from typing import Any

from haystack import Document

from .._model.texts import as_list


def as_documents(documents: Any, advice: str = "") -> list[Document]:
    given = as_list(documents, "documents", "a list of haystack.Document")
    if not all(isinstance(document, Document) for document in given):
        raise TypeError(f"documents should be a list of haystack.Document{advice}")
    return given


def text_of(document: Document, meta_fields: Sequence[str], separator: str) -> str:
    """What is given to a model: metadata of these names, as far as it is there, and the content."""
    values = (document.meta.get(name) for name in meta_fields)
    given = [str(value) for value in values if value is not None]
    return separator.join([*given, document.content or ""])


def without_duplicates(documents: Sequence[Document]) -> list[Document]:
    """Of each id the document with the highest score, where the first of that id was."""
    kept: dict[str, Document] = {}
    for document in documents:
        other = kept.setdefault(document.id, document)
        if document.score is not None and (other.score is None or document.score > other.score):
            kept[document.id] = document
    return list(kept.values())
