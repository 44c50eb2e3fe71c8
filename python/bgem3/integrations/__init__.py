"""Adapters for other packages, each in a module of its own and of use only where that package is installed:
`chroma`, `haystack`, `langchain`, `langchain_qdrant`, `llama_index`, `milvus`, `mteb`."""
