"""bgem3/c.h in terms of ctypes, as somebody writes it who binds it to another language."""

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_float, c_int, c_int32, c_size_t, c_void_p

OK, INVALID_ARGUMENT, BAD_MODEL, IO_ERROR, OUT_OF_MEMORY, CANCELLED, OVERLOADED, DEADLINE_EXCEEDED, INTERNAL = range(9)
MODEL_CHANGED = 9


class Progress(ctypes.Structure):
    _fields_ = [(name, c_size_t) for name in ("texts_done", "texts_total", "tokens_done", "tokens_total")]


LogCallback = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)
ProgressCallback = ctypes.CFUNCTYPE(c_bool, POINTER(Progress), c_void_p)


class LoadOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("device", c_char_p),
        ("dtype", c_char_p),
        ("pooling", c_char_p),
        ("pipeline", c_char_p),
        ("prepack", c_int32),
        ("cuda_graphs", c_int32),
        ("threads", c_size_t),
        ("parallel_calls", c_size_t),
        ("on_log", LogCallback),
        ("user_data", c_void_p),
        ("copy", c_int32),
        ("reserved", c_int32),
    ]


class EncodeOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("dense", c_int32),
        ("sparse", c_int32),
        ("colbert", c_int32),
        ("normalize", c_int32),
        ("max_length", c_size_t),
        ("batch_size", c_size_t),
        ("batch_tokens", c_size_t),
        ("truncate_dim", c_size_t),
        ("tokenizer_threads", c_size_t),
        ("device", c_char_p),
        ("on_progress", ProgressCallback),
        ("user_data", c_void_p),
    ]


class RerankOptions(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("max_length", c_size_t),
        ("query_max_length", c_size_t),
        ("batch_size", c_size_t),
        ("batch_tokens", c_size_t),
        ("device", c_char_p),
        ("on_progress", ProgressCallback),
        ("user_data", c_void_p),
    ]


class TokenWeight(ctypes.Structure):
    _fields_ = [("id", c_int32), ("weight", c_float)]


TEXTS = [POINTER(c_char_p), POINTER(c_size_t)]
OUT_FLOATS = POINTER(POINTER(c_float))
OUT_SIZE = POINTER(c_size_t)

# Of each function what it returns, then what it takes. Handles are void pointers.
FUNCTIONS = {
    "bgem3_status_name": (c_char_p, c_int),
    "bgem3_last_error": (c_char_p,),
    "bgem3_version": (c_char_p,),
    "bgem3_load_options_init": (c_int, POINTER(LoadOptions), c_size_t),
    "bgem3_encode_options_init": (c_int, POINTER(EncodeOptions), c_size_t),
    "bgem3_rerank_options_init": (c_int, POINTER(RerankOptions), c_size_t),
    "bgem3_embedder_load": (c_int, c_char_p, POINTER(LoadOptions), POINTER(c_void_p)),
    "bgem3_embedder_free": (None, c_void_p),
    "bgem3_embedder_dimension": (c_size_t, c_void_p),
    "bgem3_embedder_max_length": (c_size_t, c_void_p),
    "bgem3_embedder_has_sparse": (c_bool, c_void_p),
    "bgem3_embedder_has_colbert": (c_bool, c_void_p),
    "bgem3_embedder_colbert_dimension": (c_size_t, c_void_p),
    "bgem3_embedder_dtype": (c_char_p, c_void_p),
    "bgem3_embedder_device": (c_char_p, c_void_p),
    "bgem3_embedder_encode": (c_int, c_void_p, *TEXTS, c_size_t, POINTER(EncodeOptions), POINTER(c_void_p)),
    "bgem3_embedder_encode_into": (
        *(c_int, c_void_p, *TEXTS, c_size_t, POINTER(EncodeOptions), POINTER(c_float), c_size_t),
    ),
    "bgem3_embedder_tokenize": (
        *(c_int, c_void_p, c_char_p, c_size_t, c_size_t, POINTER(c_int32), c_size_t, OUT_SIZE),
    ),
    "bgem3_embeddings_free": (None, c_void_p),
    "bgem3_embeddings_count": (c_size_t, c_void_p),
    "bgem3_embeddings_token_count": (c_size_t, c_void_p, c_size_t),
    "bgem3_embeddings_dense": (c_int, c_void_p, OUT_FLOATS, OUT_SIZE),
    "bgem3_embeddings_sparse": (c_int, c_void_p, c_size_t, POINTER(POINTER(TokenWeight)), OUT_SIZE),
    "bgem3_embeddings_colbert": (c_int, c_void_p, c_size_t, OUT_FLOATS, OUT_SIZE, OUT_SIZE),
    "bgem3_reranker_load": (c_int, c_char_p, POINTER(LoadOptions), POINTER(c_void_p)),
    "bgem3_reranker_free": (None, c_void_p),
    "bgem3_reranker_score": (*(c_int, c_void_p, *TEXTS, *TEXTS, c_size_t, POINTER(RerankOptions), POINTER(c_float)),),
}


def declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library, whose functions now know what they take."""
    for name, (result, *arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
