#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/bgem3.h"

namespace bgem3 {

/// A query and a passage that are judged together.
struct TextPair {
  std::string_view query;
  std::string_view passage;
};

/// One passage of Reranker::rank.
struct RankedPassage {
  std::size_t index;  ///< which of the passages
  float score;        ///< as Reranker::score

  friend bool operator==(const RankedPassage&, const RankedPassage&) = default;
};

/// Token ids of a pair, and where its tokens of type 1 begin.
struct PairIds {
  TokenIds ids;
  /// Models such as BERT's tell the two texts apart by token types: this is the first token of type 1, that of the
  /// passage, and all that follow are of type 1, too. 0: all are of type 0, as where there is no other type.
  std::size_t second_begin = 0;

  friend bool operator==(const PairIds&, const PairIds&) = default;
};

/// Which text of a pair that is too long loses its end.
enum class PairTruncation {
  passage,  ///< the passage, after the query was cut to query_max_length, as in FlagEmbedding
  longest,  ///< the longer one, and both to half of the room where both are longer, as in sentence-transformers
};

/// How Reranker::score works.
struct RerankOptions {
  std::size_t max_length = 0;        ///< tokens of a pair with its special tokens; longer ones are cut. 0: the model's
  std::size_t query_max_length = 0;  ///< tokens of the query. 0: three quarters of max_length; not with longest
  PairTruncation truncation = PairTruncation::passage;
  std::size_t batch_size = 0;      ///< most pairs of one batch. 0: 256, on CUDA 65535, which is the maximum there
  std::size_t batch_tokens = 0;    ///< most tokens of one batch; a longer pair runs alone. 0: 4096, on CUDA 16384
  std::string device;              ///< of LoadOptions::device the one that computes. Empty: all
  unsigned tokenizer_threads = 0;  ///< as of EncodeOptions
  ProgressCallback on_progress;    ///< optional
};

/// A cross-encoder such as bge-reranker-v2-m3: an encoder with a classification head of one label. Reads query and
/// passage as one sequence, `<s> query </s></s> passage </s>` of XLM-RoBERTa or `[CLS] query [SEP] passage [SEP]` of
/// BERT, which is slower and more exact than comparing embeddings.
///
/// A handle, as Embedder is: copies share the model. All const members may be called from many threads at once.
class BGEM3_API Reranker {
 public:
  /// Loads a model directory as Embedder::load does.
  /// @throws Error bad_model also when the weights have no classification head of one label.
  static Reranker load(const std::filesystem::path& directory, const LoadOptions& options = {});

  /// Relevance of each pair, a logit: any real number, larger is more relevant; 1 / (1 + exp(-logit)) lies in 0 … 1.
  /// Result i belongs to pairs[i] and does not depend, beyond 1e-5, on the other pairs; zero pairs give none.
  /// @throws Error as Embedder::encode
  [[nodiscard]] std::vector<float> score(std::span<const TextPair> pairs, const RerankOptions& options = {}) const;

  /// Applies the activation that the model directory states, the logistic function where it states none, to B logits:
  /// what CrossEncoder.predict of sentence-transformers gives.
  void activate(std::span<float> logits) const;

  /// Token ids of each of B pairs with their special tokens, cut to the lengths of `options`.
  /// @param stop  as of Tokenizer::encode_batch
  /// @throws Error as validate(); cancelled after a stop
  [[nodiscard]] std::vector<PairIds> tokenize(std::span<const TextPair> pairs, const RerankOptions& options = {},
                                              const std::stop_token& stop = {}) const;

  /// score() for B pairs that are token ids already, as tokenize() gives them.
  /// @throws Error also invalid_argument for an id outside the vocabulary, or a pair that is empty or longer than
  ///         max_length (0: the model's own limit), it is not cut; for a pair without tokens of type 1 where tokenize()
  ///         would give some, and one with such tokens where the model has none.
  [[nodiscard]] std::vector<float> score_ids(std::vector<PairIds> pairs, const RerankOptions& options = {}) const;

  /// Refuses what score() would refuse of the options, and does nothing else.
  /// @throws Error invalid_argument
  void validate(const RerankOptions& options) const;

  /// As Embedder::check_files.
  void check_files() const;

  /// The passages' places and scores, most relevant first; equal scores in the order of the passages. `top`: no more
  /// than so many; 0: all.
  /// @throws Error as score()
  [[nodiscard]] std::vector<RankedPassage> rank(std::string_view query, std::span<const std::string_view> passages,
                                                std::size_t top = 0, const RerankOptions& options = {}) const;

  [[nodiscard]] const Tokenizer& tokenizer() const noexcept;
  [[nodiscard]] const ModelInfo& info() const noexcept;

  /// As Embedder::release_memory.
  void release_memory() const;

 private:
  struct Impl;
  explicit Reranker(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace bgem3
