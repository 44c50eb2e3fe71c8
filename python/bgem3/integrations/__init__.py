"""Adapters for other packages, each in a module of its own and of use only where that package is installed:
`langchain`, `llama_index`, `haystack`, `milvus`, `mteb`."""
