#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/export.h"

namespace bgem3 {

/// Token ids of one text, `<s> … </s>` included.
using TokenIds = std::vector<std::int32_t>;

/// Where in its text a token comes from.
struct TokenOffsets {
  std::size_t begin = 0, end = 0;  ///< bytes of the text; 0 and 0 for special tokens that were put in
  std::int32_t word = -1;          ///< words and added tokens of the text counted from 0; -1 for these special tokens
};

/// Token ids of one text, and the place of each: offsets[i] is that of ids[i].
struct TokensWithOffsets {
  TokenIds ids;
  std::vector<TokenOffsets> offsets;
};

/// The ways in which Hugging Face runs the vocabulary of XLM-RoBERTa.
enum class TokenizerPipeline {
  /// As transformers 5 would choose by the `tokenizer_class` of tokenizer_config.json, or else of config.json:
  /// transformers_5 for XLMRobertaTokenizer and where none is named, tokenizer_json for PreTrainedTokenizerFast and
  /// TokenizersBackend.
  automatic,
  transformers_5,  ///< As its class XLMRobertaTokenizer, and sentencepiece itself, treat white space: words are split
                   ///< at it, runs of it vanish.
  tokenizer_json,  ///< `tokenizer.json` as written. In BGE-M3's, trailing white space becomes one more token, and ties
  ///< between segmentations may fall otherwise. text-embeddings-inference and transformers 4 run it so.
  classic = transformers_5,  ///< older name
  replace = tokenizer_json   ///< older name
};

/// "auto", "transformers-5" or "tokenizer-json".
BGEM3_API std::string to_string(TokenizerPipeline pipeline);

/// The pipeline of one of these names, or of the older ones "classic" and "replace".
/// @throws Error invalid_argument that lists the names
BGEM3_API TokenizerPipeline parse_pipeline(std::string_view name);

struct TokenizerOptions {
  TokenizerPipeline pipeline = TokenizerPipeline::automatic;
  /// Threads of Tokenizer::encode_batch where it is not told. 0: as LoadOptions::threads, found out at load.
  unsigned threads = 0;
  /// Which end a text loses that is too long. Unset: as the files say, else the right one.
  std::optional<bool> truncate_left = std::nullopt;
};

/// The ids that stand for no text.
struct SpecialTokens {
  std::int32_t cls = 0;    ///< `<s>`, first token of every text
  std::int32_t pad = 1;    ///< `<pad>`
  std::int32_t eos = 2;    ///< `</s>`, last token of every text
  std::int32_t unk = 3;    ///< `<unk>`
  std::int32_t mask = -1;  ///< `<mask>`: 250001 for XLM-R
};

/// The special tokens that are put around a text, `before text after`, and around the two texts of a pair,
/// `before first between second after`.
struct TokenTemplate {
  TokenIds before = {0};      ///< `<s>`; `[CLS]` of BERT
  TokenIds after = {2};       ///< `</s>`; `[SEP]` of BERT
  TokenIds between = {2, 2};  ///< `</s></s>`; `[SEP]` of BERT
  bool has_types = false;     ///< the second text of a pair and what comes after it are of token type 1, all else of 0

  /// Special tokens of one text.
  [[nodiscard]] std::size_t size() const noexcept { return before.size() + after.size(); }

  /// Special tokens of a pair.
  [[nodiscard]] std::size_t pair_size() const noexcept { return size() + between.size(); }
};

/// Text to ids and back, for models with the XLM-RoBERTa vocabulary.
///
/// Gives exactly the ids of the Hugging Face fast tokenizer (tokenizers 0.23, transformers 5) on every text; how these
/// differ from sentencepiece's own is told in docs/tokenizer.md. Immutable after load: any number of threads may use
/// one Tokenizer at once. Copies share what was loaded.
class BGEM3_API Tokenizer {
 public:
  /// Reads `tokenizer.json` in `directory` or, when that is absent, `sentencepiece.bpe.model`, and what
  /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` say of it. A path to either of the
  /// first two is taken as well, and is read alone.
  /// @throws Error bad_model when neither is there, or a file is damaged, of another kind (WordPiece, BPE), or says
  ///         something that is not supported; io_error when it cannot be read.
  static Tokenizer load(const std::filesystem::path& directory, const TokenizerOptions& options = {});

  /// Ids of one text with `<s>` and `</s>`. Bytes that are not UTF-8 count as U+FFFD.
  /// @param max_length  longest result, special tokens included; of a longer text, ids at its right
  ///                    or left end are left out (TokenizerOptions::truncate_left), special tokens stay. 0: no limit.
  /// @throws Error invalid_argument for a max_length of 1: `<s>` and `</s>` need 2.
  [[nodiscard]] TokenIds encode(std::string_view text, std::size_t max_length = 0) const;

  /// encode(), and where in the text each token comes from. Places are those of tokenizers, and may be shared: the word
  /// mark of "▁Hello" has that of the "H", or of the space before it under TokenizerPipeline::tokenizer_json, and all
  /// of what normalisation makes of a character that of the character. Where a text, or what follows an added token,
  /// begins with a character that normalisation deletes, tokenizers places what comes after it one character early, and
  /// so does this. Slower than encode(), also for what lies beyond `max_length`. Needs 8 bytes of memory for each byte
  /// of the normal form, and 24 for each token.
  /// @param stop  ends the call before the next word
  /// @throws Error as encode(); cancelled after a stop; invalid_argument where tokenizer.json has the places of tokens
  ///         trimmed
  [[nodiscard]] TokensWithOffsets encode_with_offsets(std::string_view text, std::size_t max_length = 0,
                                                      const std::stop_token& stop = {}) const;

  /// encode() for many texts, on up to `threads` threads (0: TokenizerOptions::threads). Result i belongs to texts[i].
  /// @param stop    ends the call before the next word or text
  /// @param prompt  put before each text
  /// @throws Error as encode(); cancelled after a stop
  [[nodiscard]] std::vector<TokenIds> encode_batch(std::span<const std::string_view> texts, std::size_t max_length = 0,
                                                   unsigned threads = 0, const std::stop_token& stop = {},
                                                   std::string_view prompt = {}) const;

  /// Number of ids that encode() gives without a limit.
  [[nodiscard]] std::size_t count_tokens(std::string_view text) const;

  /// The vocabulary entry of an id, e.g. "▁Hello"; "<unk>" for an id outside the vocabulary.
  [[nodiscard]] std::string_view piece(std::int32_t id) const noexcept;

  /// Number of ids, added tokens included: 250002 for XLM-R.
  [[nodiscard]] std::size_t vocabulary_size() const noexcept;

  [[nodiscard]] const SpecialTokens& special_tokens() const noexcept;

  /// What encode() puts around a text.
  [[nodiscard]] const TokenTemplate& special_template() const noexcept;

  /// Whether texts that are too long lose their beginning.
  [[nodiscard]] bool truncates_left() const noexcept;

  /// The file the vocabulary came from.
  [[nodiscard]] const std::filesystem::path& source() const noexcept;

 private:
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace bgem3
