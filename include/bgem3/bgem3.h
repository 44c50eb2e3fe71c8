#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/config.h"
#include "bgem3/dtype.h"
#include "bgem3/embeddings.h"
#include "bgem3/error.h"
#include "bgem3/export.h"
#include "bgem3/options.h"
#include "bgem3/scores.h"
#include "bgem3/tokenizer.h"
#include "bgem3/version.h"

namespace bgem3 {

/// What a loaded model is and where its parts came from.
struct ModelInfo {
  ModelConfig config;
  std::filesystem::path directory;
  std::filesystem::path tokenizer_file;
  std::vector<std::filesystem::path> weight_files;
  std::filesystem::path sparse_file;   ///< empty: the model has no sparse head
  std::filesystem::path colbert_file;  ///< empty: the model has no ColBERT head
  std::int64_t colbert_size = 0;       ///< C, components of a ColBERT vector; 0 without that head
  std::int64_t parameters = 0;         ///< weights of encoder and heads
  std::int64_t weight_bytes = 0;       ///< bytes they take in memory
  Dtype dtype = Dtype::float32;        ///< what the encoder computes in; on several devices the first
  std::string stored_dtype;            ///< dtype in the file
  std::string device;                  ///< "cpu", "cuda:0", "cuda:0,cuda:1" …
  unsigned threads = 0;                ///< that compute a call on the CPU; on CUDA those that tokenise
  unsigned parallel_calls = 0;         ///< that compute at the same time, at most; 0: any number, on CUDA
  /// Bytes that a batch needs beside the weights while it is computed, for each of its tokens; about.
  std::int64_t workspace_bytes_per_token = 0;
  [[nodiscard]] bool has_sparse() const noexcept { return !sparse_file.empty(); }
  [[nodiscard]] bool has_colbert() const noexcept { return !colbert_file.empty(); }
};

/// What happened to a model since it was loaded, in the calls of all threads, on all devices.
struct Statistics {
  /// Batches computed a second time in float32, because float16 had given NaN or infinity.
  std::uint64_t recomputed_batches = 0;
  /// Most tokens of a batch from now on, because more did not fit into memory of a device. 0: no limit was met.
  std::size_t batch_tokens_fit = 0;
  /// Batches that ran as CUDA graphs.
  std::uint64_t graph_batches = 0;
};

/// A text embedding model: texts in, dense, sparse and multi-vector embeddings out.
///
///     auto embedder = bgem3::Embedder::load("path/to/bge-m3");
///     bgem3::Embeddings e = embedder.encode({"Hello World", "Bonjour le monde"});
///     float similarity = bgem3::dense_score(e.dense.row(0), e.dense.row(1));
///
/// A handle: copies are cheap and share the model, which is freed with the last of them. All const members may be
/// called from many threads at once on one Embedder. Nothing here aborts, exits, prints or changes a process-wide
/// setting; every failure is an Error, but for what a callback throws, which passes unchanged unless it is
/// std::bad_alloc or LibTorch's. One exception: mapped weights need a handler of SIGBUS, see LoadOptions::copy.
///
/// A forked child may go on with a model on the CPU that its parent has loaded. Where the parent had threads, the
/// thread that forked computes alone there, because its OpenMP team stayed with the parent; other threads of the child
/// have teams of their own. In a child that a callback forks, the call of the callback throws invalid_argument, and so
/// does each call of a model on a GPU.
class BGEM3_API Embedder {
 public:
  /// Loads a model directory in Hugging Face layout: `config.json`, weights (safetensors or torch zip), tokenizer, and,
  /// for the sparse and ColBERT heads of BGE-M3, `sparse_linear.pt` and `colbert_linear.pt`. The
  /// file is memory-mapped: the embedding tables are used in place, the matrices of the layers prepacked.
  /// @throws Error bad_model or io_error, naming the file and what is wrong with it; invalid_argument for a device that
  ///         is not there and a dtype that it cannot compute in; out_of_memory; model_changed for a file that was
  ///         changed while it was read.
  static Embedder load(const std::filesystem::path& directory, const LoadOptions& options = {});

  /// Embeds B texts (UTF-8; bytes that are not count as U+FFFD). Row i of the result belongs to texts[i] and does not
  /// depend, beyond 1e-5, on the other texts, their order or the batch size. Zero texts give an empty result, an empty
  /// text the embedding of `<s></s>`.
  /// @throws Error invalid_argument for options the model cannot serve, cancelled when on_progress returned false,
  ///         out_of_memory when even a batch of one text does not fit, bad_model when a result is not a number, which
  ///         names the text. The embedder can be used on after each of them. model_changed when a mapped file of the
  ///         model was written to, cut or touched since it was loaded, or cannot be read any more: the model has to be
  ///         loaded again. A file that is replaced by renaming another over it does not change a model that is loaded.
  [[nodiscard]] Embeddings encode(std::span<const std::string_view> texts, const EncodeOptions& options = {}) const;
  [[nodiscard]] Embeddings encode(std::span<const std::string> texts, const EncodeOptions& options = {}) const;
  [[nodiscard]] Embeddings encode(std::initializer_list<std::string_view> texts,
                                  const EncodeOptions& options = {}) const;

  /// encode() whose dense vectors [B, D], row after row, are written to the beginning of `output`; D is
  /// dimension(options).
  /// @throws Error also invalid_argument for an output of less than B · D numbers, and for options with sparse or
  ///         colbert
  void encode_into(std::span<const std::string_view> texts, std::span<float> output,
                   const EncodeOptions& options = {}) const;

  /// Refuses what encode() would refuse of the options, and does nothing else.
  /// @throws Error invalid_argument
  void validate(const EncodeOptions& options) const;

  /// Looks whether the files of the model are as they were loaded, as encode() does for each batch.
  /// @throws Error model_changed
  void check_files() const;

  /// encode() for B texts that are token ids already, as tokenize() gives them: each `<s> … </s>`.
  /// @throws Error also invalid_argument for an id outside the vocabulary, a text that is empty or longer than
  ///         max_length (0: the model's own limit; it is not truncated), and for options with a prompt
  [[nodiscard]] Embeddings encode_ids(std::vector<TokenIds> texts, const EncodeOptions& options = {}) const;

  /// Token ids of one text, `<s>` and `</s>` included, truncated to `max_length` (0: the model's own limit).
  /// @throws Error invalid_argument for a max_length below 2 or beyond the model's positions
  [[nodiscard]] TokenIds tokenize(std::string_view text, std::size_t max_length = 0) const;

  /// Number of tokens of one text before truncation, `<s>` and `</s>` included.
  [[nodiscard]] std::size_t count_tokens(std::string_view text) const;

  /// Components of the dense vectors that encode() gives with these options.
  [[nodiscard]] std::size_t dimension(const EncodeOptions& options = {}) const noexcept;

  [[nodiscard]] const Tokenizer& tokenizer() const noexcept;
  [[nodiscard]] const ModelInfo& info() const noexcept;
  [[nodiscard]] Statistics statistics() const noexcept;

  /// Gives memory that is kept for the next call back to the system, and forgets Statistics::batch_tokens_fit. On CUDA
  /// this is the cache of LibTorch, for all GPUs and everybody in the process, and the graphs of this model.
  void release_memory() const;

 private:
  struct Impl;
  explicit Embedder(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace bgem3
