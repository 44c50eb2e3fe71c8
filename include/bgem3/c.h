#pragma once

// The C interface, for C99 and every language that calls C, over bgem3.h and reranker.h.
//
// * A function that can fail returns a bgem3_status. What a failed call was to write through a pointer is zero or NULL
//   afterwards, but for the contents of buffers, which are undefined. One that returns a value instead returns 0, false
//   or NULL where it fails. bgem3_last_error() has the message in both cases.
// * Nothing aborts, prints or throws. A pointer that should not be NULL, a value out of range and an index that is too
//   large are BGEM3_INVALID_ARGUMENT.
// * Handles are never written to after they were made: many threads may use one at once. A handle must not be
//   in use when it is freed. Every free function takes NULL.
// * A forked child may go on with a handle on the CPU that its parent has made. The thread that forked computes alone
//   there; other threads of the child have teams of their own. Handles on a GPU are BGEM3_INVALID_ARGUMENT in a child.
// * Sizes count elements, not bytes, unless said otherwise. Strings are UTF-8 and zero-terminated.
// * Binary compatible: functions keep their symbol version, enumerations their values, and structs grow at their end
// only.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgem3/export.h"

// NOLINTBEGIN(modernize-use-using, readability-identifier-naming): C has neither using nor namespaces.
#ifdef __cplusplus
extern "C" {
#endif

/// What became of a call; ErrorCode of error.h, and 0 for success.
typedef enum bgem3_status {
  BGEM3_OK = 0,
  BGEM3_INVALID_ARGUMENT = 1,   ///< The call was wrong. Retrying without a change fails again.
  BGEM3_BAD_MODEL = 2,          ///< The model directory is incomplete, damaged or of a kind that is not supported.
  BGEM3_IO_ERROR = 3,           ///< The operating system refused: unreadable file, full disk.
  BGEM3_OUT_OF_MEMORY = 4,      ///< Host or device memory ran out; fewer texts may pass.
  BGEM3_CANCELLED = 5,          ///< The progress callback returned false.
  BGEM3_OVERLOADED = 6,         ///< Too many requests in flight; of no function here so far.
  BGEM3_DEADLINE_EXCEEDED = 7,  ///< The time limit passed first; of no function here so far.
  BGEM3_INTERNAL = 8,           ///< A bug here or in a library below, or an exception that a callback threw.
  BGEM3_MODEL_CHANGED = 9       ///< A file of the model was changed while it was in use; load the model again.
} bgem3_status;

/// "ok", "invalid_argument" and so on; "unknown" for a value that is not of the enumeration. Static.
BGEM3_API const char* bgem3_status_name(bgem3_status status);

/// What was expected and what was found by the last call of this thread that failed; "" before the first. Valid until
/// the next call of this thread that fails.
BGEM3_API const char* bgem3_last_error(void);

/// "major.minor.patch" of the library that is loaded. Static.
BGEM3_API const char* bgem3_version(void);

typedef struct bgem3_embedder bgem3_embedder;      ///< A loaded embedding model.
typedef struct bgem3_reranker bgem3_reranker;      ///< A loaded cross-encoder.
typedef struct bgem3_embeddings bgem3_embeddings;  ///< What one call of bgem3_embedder_encode returned.

/// Stands for the length of a text that is zero-terminated.
#define BGEM3_ZERO_TERMINATED SIZE_MAX

/// How far a call has come.
typedef struct bgem3_progress {
  size_t texts_done;
  size_t texts_total;
  size_t tokens_done;
  size_t tokens_total;  ///< 0: not known yet
} bgem3_progress;

/// Called on the thread that made the call, after every layer of every batch. Return false to stop: the call then fails
/// with BGEM3_CANCELLED. `progress` is valid during the callback only. It must return: no exception, panic or longjmp.
typedef bool (*bgem3_progress_callback)(const bgem3_progress* progress, void* user_data);

typedef enum bgem3_log_level {
  BGEM3_LOG_INFO = 0,     ///< What an operator may want to know.
  BGEM3_LOG_WARNING = 1,  ///< Results are right, and yet something is not as it should be.
  BGEM3_LOG_ERROR = 2     ///< The model gives no more results.
} bgem3_log_level;

/// Gets a zero-terminated line, valid during the callback only, on the thread where it happened; threads may call it at
/// the same time. It must return: no exception, panic or longjmp.
typedef void (*bgem3_log_callback)(bgem3_log_level level, const char* message, void* user_data);

// Options. Set defaults first, then what should differ:
//
//     bgem3_encode_options options;
//     bgem3_encode_options_init(&options, sizeof options);
//     options.sparse = 1;
//
// Where options are taken, NULL stands for the defaults. A struct_size below that of the struct's first version is
// refused. One above what the library knows is taken if all bytes that it does not know are zero.

/// How a model is loaded. Strings are needed during the call only, `user_data` as long as the model.
typedef struct bgem3_load_options {
  size_t struct_size;   ///< bytes of this struct, which bgem3_load_options_init sets
  const char* device;   ///< "cpu", "cuda" (the first GPU), "cuda:N" or several: "cuda:0,cuda:1". NULL: "cpu"
  const char* dtype;    ///< such as "float32" or "bfloat16"; another name is refused with a list of all. NULL: "auto"
  const char* pooling;  ///< "cls", "mean" …, see to_string(Pooling). NULL: as the model directory says
  const char*
      pipeline;         ///< of the tokenizer: "transformers-5" or "tokenizer-json", see TokenizerPipeline. NULL: "auto"
  int32_t prepack;      ///< 1: multiply fastest, with a private copy of the matrices; 0: share the file's pages
  int32_t cuda_graphs;  ///< 1: on CUDA, small batches are recorded as CUDA graphs; 0: they are not
  size_t threads;       ///< that compute a call on the CPU, at most 1024. 0: see LoadOptions::threads
  size_t parallel_calls;      ///< that compute on the CPU at the same time; the others wait. 0: 2
  bgem3_log_callback on_log;  ///< told what happens to the model, see LoadOptions::on_log; or NULL
  void* user_data;            ///< handed to on_log as it is
  int32_t copy;      ///< 1: read the weights into memory of this process; 0: map their files, see LoadOptions::copy
  int32_t reserved;  ///< 0
} bgem3_load_options;

/// What is computed for texts, and how.
typedef struct bgem3_encode_options {
  size_t struct_size;        ///< bytes of this struct, which bgem3_encode_options_init sets
  int32_t dense;             ///< 1 or 0; by default 1
  int32_t sparse;            ///< 1 or 0; by default 0
  int32_t colbert;           ///< 1 or 0; by default 0
  int32_t normalize;         ///< L2-normalise dense and ColBERT vectors: 1, 0, or -1: as the model says
  size_t max_length;         ///< tokens of a text; longer ones are truncated. 0: the model's own limit
  size_t batch_size;         ///< most texts of one batch. 0: 256, on CUDA 65535, the maximum there
  size_t batch_tokens;       ///< most tokens of one batch. 0: 4096, on CUDA 16384
  size_t truncate_dim;       ///< leading components of dense and ColBERT vectors to keep. 0: as the model says
  size_t tokenizer_threads;  ///< 0: as many as compute
  const char* device;        ///< of the model's devices the one that computes. NULL: all
  bgem3_progress_callback on_progress;  ///< or NULL
  void* user_data;                      ///< handed to on_progress as it is
  const char* prompt;                   ///< put before each text. NULL: the one of prompt_name
  const char* prompt_name;              ///< of the model's prompts. NULL: the model directory's default
} bgem3_encode_options;

/// How pairs are scored.
typedef struct bgem3_rerank_options {
  size_t struct_size;                   ///< bytes of this struct, which bgem3_rerank_options_init sets
  size_t max_length;                    ///< tokens of a pair; the passage is cut. 0: the model's own limit
  size_t query_max_length;              ///< tokens of the query. 0: three quarters of max_length
  size_t batch_size;                    ///< most pairs of one batch. 0: 256, on CUDA 65535, the maximum there
  size_t batch_tokens;                  ///< most tokens of one batch. 0: 4096, on CUDA 16384
  const char* device;                   ///< of the model's devices the one that computes. NULL: all
  bgem3_progress_callback on_progress;  ///< or NULL
  void* user_data;                      ///< handed to on_progress as it is
} bgem3_rerank_options;

/// Each sets the defaults in a struct of `struct_size` bytes: `sizeof *options`, as the caller was compiled.
BGEM3_API bgem3_status bgem3_load_options_init(bgem3_load_options* options, size_t struct_size);
BGEM3_API bgem3_status bgem3_encode_options_init(bgem3_encode_options* options, size_t struct_size);
BGEM3_API bgem3_status bgem3_rerank_options_init(bgem3_rerank_options* options, size_t struct_size);

/// Loads a model directory in Hugging Face layout. `*embedder` is the caller's, to free with bgem3_embedder_free.
/// @returns BGEM3_BAD_MODEL or BGEM3_IO_ERROR, naming the file; BGEM3_INVALID_ARGUMENT for a device that is not there
///          and a dtype that it cannot compute in; BGEM3_OUT_OF_MEMORY; BGEM3_MODEL_CHANGED for a file that was
///          changed while it was read
BGEM3_API bgem3_status bgem3_embedder_load(const char* directory, const bgem3_load_options* options,
                                           bgem3_embedder** embedder);
BGEM3_API void bgem3_embedder_free(bgem3_embedder* embedder);

/// D, components of a dense vector.
BGEM3_API size_t bgem3_embedder_dimension(const bgem3_embedder* embedder);
/// Tokens of a text, `<s>` and `</s>` included.
BGEM3_API size_t bgem3_embedder_max_length(const bgem3_embedder* embedder);
BGEM3_API bool bgem3_embedder_has_sparse(const bgem3_embedder* embedder);
BGEM3_API bool bgem3_embedder_has_colbert(const bgem3_embedder* embedder);
/// C, components of a ColBERT vector; 0 without that head.
BGEM3_API size_t bgem3_embedder_colbert_dimension(const bgem3_embedder* embedder);
/// The dtype it computes in, "float32"; valid as long as the embedder.
BGEM3_API const char* bgem3_embedder_dtype(const bgem3_embedder* embedder);
/// "cpu", "cuda:0", "cuda:0,cuda:1"; valid as long as the embedder.
BGEM3_API const char* bgem3_embedder_device(const bgem3_embedder* embedder);

/// Embeds `count` texts, B below. Result i belongs to texts[i]. An empty text is embedded as `<s></s>`.
/// @param texts       [count] UTF-8; bytes that are not count as U+FFFD. texts[i] may be NULL where lengths[i] is 0
/// @param lengths     [count] bytes of each text, or NULL: all are zero-terminated
/// @param embeddings  the caller's, to free with bgem3_embeddings_free; needs neither texts nor embedder any more
/// @returns BGEM3_INVALID_ARGUMENT also for a kind whose head the model lacks; BGEM3_CANCELLED; BGEM3_OUT_OF_MEMORY
///          when one text does not fit; BGEM3_BAD_MODEL when a result is not a number. The embedder can be used on.
///          BGEM3_MODEL_CHANGED when a mapped file of the model was changed: it has to be loaded again.
BGEM3_API bgem3_status bgem3_embedder_encode(const bgem3_embedder* embedder, const char* const* texts,
                                             const size_t* lengths, size_t count, const bgem3_encode_options* options,
                                             bgem3_embeddings** embeddings);

/// bgem3_embedder_encode for dense vectors alone, into a buffer of the caller's.
/// @param out         float32 [count, D], row-major; D is truncate_dim where that is set
/// @param out_floats  floats that `out` has room for; where that is too few, nothing is computed, and the message has
///                    the number needed
BGEM3_API bgem3_status bgem3_embedder_encode_into(const bgem3_embedder* embedder, const char* const* texts,
                                                  const size_t* lengths, size_t count,
                                                  const bgem3_encode_options* options, float* out, size_t out_floats);

/// Token ids of one text, `<s>` and `</s>` included.
/// @param length      bytes of `text`, or BGEM3_ZERO_TERMINATED
/// @param max_length  tokens to truncate to. 0: the model's own limit
/// @param ids         [capacity], or NULL with a capacity of 0: only count
/// @param count       how many ids there are; also where they are more than `capacity`, which is BGEM3_INVALID_ARGUMENT
BGEM3_API bgem3_status bgem3_embedder_tokenize(const bgem3_embedder* embedder, const char* text, size_t length,
                                               size_t max_length, int32_t* ids, size_t capacity, size_t* count);

BGEM3_API void bgem3_embeddings_free(bgem3_embeddings* embeddings);

/// One token of a sparse vector.
typedef struct bgem3_token_weight {
  int32_t id;    ///< vocabulary id
  float weight;  ///< > 0
} bgem3_token_weight;

// The arrays that these hand out belong to `embeddings` and are valid as long as it. Asking for a kind that was not
// computed is BGEM3_INVALID_ARGUMENT.

/// B, the number of texts.
BGEM3_API size_t bgem3_embeddings_count(const bgem3_embeddings* embeddings);

/// Tokens of text `index` after truncation, `<s>` and `</s>` included.
BGEM3_API size_t bgem3_embeddings_token_count(const bgem3_embeddings* embeddings, size_t index);

/// @param values     float32 [B, dimension], row-major
/// @param dimension  D, or truncate_dim where that was set
BGEM3_API bgem3_status bgem3_embeddings_dense(const bgem3_embeddings* embeddings, const float** values,
                                              size_t* dimension);

/// @param weights  [count] of text `index`: each id at most once, ascending by id, special tokens left out
BGEM3_API bgem3_status bgem3_embeddings_sparse(const bgem3_embeddings* embeddings, size_t index,
                                               const bgem3_token_weight** weights, size_t* count);

/// @param values     float32 [rows, dimension], row-major, of text `index`: one row for each token but the first
/// @param dimension  C, or truncate_dim where that was set
BGEM3_API bgem3_status bgem3_embeddings_colbert(const bgem3_embeddings* embeddings, size_t index, const float** values,
                                                size_t* rows, size_t* dimension);

/// Loads a cross-encoder. `*reranker` is the caller's, to free with bgem3_reranker_free.
/// @returns as bgem3_embedder_load; BGEM3_BAD_MODEL also when there is no classification head of one label
BGEM3_API bgem3_status bgem3_reranker_load(const char* directory, const bgem3_load_options* options,
                                           bgem3_reranker** reranker);
BGEM3_API void bgem3_reranker_free(bgem3_reranker* reranker);

/// Relevance of each passage to its query, a logit: any real number, larger is more relevant.
/// @param queries          [count], as texts of bgem3_embedder_encode
/// @param query_lengths    [count] bytes of each, or NULL: zero-terminated
/// @param passages         [count], the same
/// @param passage_lengths  [count] bytes of each, or NULL: zero-terminated
/// @param scores           float32 [count]; scores[i] belongs to queries[i] and passages[i]
/// @returns as bgem3_embedder_encode
BGEM3_API bgem3_status bgem3_reranker_score(const bgem3_reranker* reranker, const char* const* queries,
                                            const size_t* query_lengths, const char* const* passages,
                                            const size_t* passage_lengths, size_t count,
                                            const bgem3_rerank_options* options, float* scores);

#ifdef __cplusplus
}
#endif
// NOLINTEND(modernize-use-using, readability-identifier-naming)
