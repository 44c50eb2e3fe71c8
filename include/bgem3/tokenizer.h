#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/export.h"

namespace bgem3 {

/// Token ids of one text, `<s> … </s>` included.
using TokenIds = std::vector<std::int32_t>;

/// How white space and special tokens are treated; the two ways in which Hugging Face runs the same vocabulary.
enum class TokenizerPipeline {
  classic,  ///< transformers 5 (and sentencepiece itself): words are split at white space, runs of it vanish.
  replace,  ///< `tokenizer.json` of BGE-M3 as written, run by transformers 4 and text-embeddings-inference: trailing
            ///< white space becomes one more token, and ties between segmentations may fall otherwise.
};

struct TokenizerOptions {
  TokenizerPipeline pipeline = TokenizerPipeline::classic;
  /// Threads of Tokenizer::encode_batch where it is not told. 0: as LoadOptions::threads, found out at load.
  unsigned threads = 0;
};

/// The ids that stand for no text.
struct SpecialTokens {
  std::int32_t cls = 0;    ///< `<s>`, first token of every text
  std::int32_t pad = 1;    ///< `<pad>`
  std::int32_t eos = 2;    ///< `</s>`, last token of every text
  std::int32_t unk = 3;    ///< `<unk>`
  std::int32_t mask = -1;  ///< `<mask>`, the last entry of the vocabulary (250001 for XLM-R)
};

/// Text to ids and back, for models with the XLM-RoBERTa vocabulary.
///
/// Gives exactly the ids of the Hugging Face fast tokenizer (tokenizers 0.23, transformers 5) on every text; how these
/// differ from sentencepiece's own is told in docs/tokenizer.md. Immutable after load: any number of threads may use
/// one Tokenizer at once. Copies share what was loaded.
class BGEM3_API Tokenizer {
 public:
  /// Reads `sentencepiece.bpe.model` in `directory` or, when that is absent, `tokenizer.json`; in the pipeline
  /// `replace` the other way round. A path to either file is taken as well.
  /// @throws Error bad_model when neither is there, or the file is damaged or of another kind (WordPiece, BPE);
  /// io_error when it cannot be read.
  static Tokenizer load(const std::filesystem::path& directory, const TokenizerOptions& options = {});

  /// Ids of one text with `<s>` and `</s>`. Bytes that are not UTF-8 count as U+FFFD.
  /// @param max_length  longest result, special tokens included; a longer text keeps its first `max_length - 1` ids and
  ///                    the final `</s>`. 0: no limit.
  /// @throws Error invalid_argument for a max_length of 1: `<s>` and `</s>` need 2.
  [[nodiscard]] TokenIds encode(std::string_view text, std::size_t max_length = 0) const;

  /// encode() for many texts, on up to `threads` threads (0: TokenizerOptions::threads). Result i belongs to texts[i].
  /// @param stop  ends the call before the next word or text
  /// @throws Error as encode(); cancelled after a stop
  [[nodiscard]] std::vector<TokenIds> encode_batch(std::span<const std::string_view> texts, std::size_t max_length = 0,
                                                   unsigned threads = 0, const std::stop_token& stop = {}) const;

  /// Number of ids that encode() gives without a limit.
  [[nodiscard]] std::size_t count_tokens(std::string_view text) const;

  /// The vocabulary entry of an id, e.g. "▁Hello"; "<unk>" for an id outside the vocabulary.
  [[nodiscard]] std::string_view piece(std::int32_t id) const noexcept;

  /// Number of ids, `<mask>` included: 250002 for XLM-R.
  [[nodiscard]] std::size_t vocabulary_size() const noexcept;

  [[nodiscard]] const SpecialTokens& special_tokens() const noexcept;

  /// The file the vocabulary came from.
  [[nodiscard]] const std::filesystem::path& source() const noexcept;

 private:
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace bgem3
