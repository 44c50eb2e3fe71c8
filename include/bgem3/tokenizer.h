#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/export.h"

namespace bgem3 {

/// Token ids of one text, the special tokens around it included: `<s> … </s>`, of BERT `[CLS] … [SEP]`.
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

/// The ways in which Hugging Face runs a vocabulary.
enum class TokenizerPipeline {
  /// As transformers 5 would choose by the `tokenizer_class` of tokenizer_config.json, or else of config.json, or else
  /// by the `model_type` there: transformers_5 for XLMRobertaTokenizer and BertTokenizer, tokenizer_json for
  /// PreTrainedTokenizerFast and TokenizersBackend.
  automatic,
  /// As these classes do, which take of tokenizer.json the vocabulary and the added tokens alone. XLMRobertaTokenizer,
  /// as sentencepiece itself, splits words at white space, runs of which vanish; what BertTokenizer does with letters
  /// and accents follows tokenizer_config.json.
  transformers_5,
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

/// The ids that stand for no text; here those of XLM-RoBERTa. -1: there is none.
struct SpecialTokens {
  std::int32_t cls = 0;    ///< `<s>`, `[CLS]` of BERT: first token of every text
  std::int32_t pad = 1;    ///< `<pad>`, `[PAD]`
  std::int32_t eos = 2;    ///< `</s>`, `[SEP]`: last token of every text
  std::int32_t unk = 3;    ///< `<unk>`, `[UNK]`; -1: there is none
  std::int32_t mask = -1;  ///< `<mask>`, `[MASK]`: 250001 for XLM-R
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

/// Text to ids and back, for vocabularies of three kinds: Unigram as XLM-RoBERTa and CamemBERT have it, WordPiece as
/// BERT has it, byte-level BPE as RoBERTa has it.
///
/// Gives exactly the ids of the Hugging Face fast tokenizer (tokenizers 0.23, transformers 5) on every text; how these
/// differ from those of sentencepiece and others is told in docs/tokenizer.md. Immutable after load: any number of
/// threads may use one Tokenizer at once. Copies share what was loaded.
class BGEM3_API Tokenizer {
 public:
  /// Reads `tokenizer.json` in `directory` or, when that is absent, `sentencepiece.bpe.model`, `vocab.txt`, or
  /// `vocab.json` with `merges.txt`, and what `tokenizer_config.json`, `special_tokens_map.json` and
  /// `added_tokens.json` say of it. A path to a vocabulary's file is taken as well, and is read alone.
  /// @throws Error bad_model when none is there, or a file is damaged, of another kind, or says something that is not
  ///         supported; io_error when it cannot be read.
  static Tokenizer load(const std::filesystem::path& directory, const TokenizerOptions& options = {});

  /// Ids of one text with the special tokens around it. Bytes that are not UTF-8 count as U+FFFD.
  /// @param max_length  longest result, special tokens included; of a longer text, ids at its right
  ///                    or left end are left out (TokenizerOptions::truncate_left), special tokens stay. 0: no limit.
  /// @throws Error invalid_argument for a max_length that has no room for the special tokens, which are 2 mostly.
  [[nodiscard]] TokenIds encode(std::string_view text, std::size_t max_length = 0) const;

  /// encode(), and where in the text each token comes from. Places are those of tokenizers, and may be shared: the word
  /// mark of "▁Hello" has that of the "H", or of the space before it under TokenizerPipeline::tokenizer_json, and all
  /// of what normalisation makes of a character that of the character. Where a text, or what follows an added token,
  /// begins with a character that normalisation deletes, tokenizers places what comes after it one character early, and
  /// so does this. Slower than encode(), also for what lies beyond `max_length`. Needs 8 bytes of memory for each byte
  /// of the normal form, and 24 for each token.
  /// @param stop  ends the call before the next word
  /// @throws Error as encode(); cancelled after a stop; invalid_argument where tokenizer.json has the places of the
  ///         tokens of a Unigram model trimmed
  [[nodiscard]] TokensWithOffsets encode_with_offsets(std::string_view text, std::size_t max_length = 0,
                                                      const std::stop_token& stop = {}) const;

  /// encode() for many texts, on up to `threads` threads (0: TokenizerOptions::threads). Result i belongs to texts[i].
  /// @param stop    ends the call before the next word or text
  /// @param prompt  put before each text
  /// @throws Error as encode(); cancelled after a stop
  [[nodiscard]] std::vector<TokenIds> encode_batch(std::span<const std::string_view> texts, std::size_t max_length = 0,
                                                   unsigned threads = 0, const std::stop_token& stop = {},
                                                   std::string_view prompt = {}) const;

  /// The text of ids, as far as it can be told from them; those outside the vocabulary are left out. Source: the
  /// decoders of tokenizers.
  /// @param skip_special_tokens  leaves out the special tokens, those that the files add among them
  /// @throws Error invalid_argument where tokenizer.json has a decoder that is not supported
  [[nodiscard]] std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens = false) const;

  /// decode() of pieces.
  [[nodiscard]] std::string decode_pieces(std::span<const std::string_view> pieces) const;

  /// Number of ids that encode() gives without a limit.
  [[nodiscard]] std::size_t count_tokens(std::string_view text) const;

  /// The vocabulary entry of an id, e.g. "▁Hello"; for an id outside the vocabulary the unknown token, and nothing
  /// where there is none.
  [[nodiscard]] std::string_view piece(std::int32_t id) const noexcept;

  /// Number of ids, added tokens included: 250002 for XLM-R.
  [[nodiscard]] std::size_t vocabulary_size() const noexcept;

  [[nodiscard]] const SpecialTokens& special_tokens() const noexcept;

  /// The tokens that transformers names, such as "cls_token" → "[CLS]", as far as the model has them.
  [[nodiscard]] const std::map<std::string, std::string>& named_tokens() const noexcept;

  /// Ids of all special tokens, sorted: the named ones and those that the files add as such.
  [[nodiscard]] std::span<const std::int32_t> special_ids() const noexcept;

  /// What encode() puts around a text.
  [[nodiscard]] const TokenTemplate& special_template() const noexcept;

  /// Whether texts that are too long lose their beginning.
  [[nodiscard]] bool truncates_left() const noexcept;

  /// The kind of vocabulary as tokenizer.json names it: "Unigram", "WordPiece" or "BPE".
  [[nodiscard]] std::string_view model_type() const noexcept;

  /// Whether a text in capitals gets the ids of one in small letters.
  [[nodiscard]] bool lowers_letters() const noexcept;

  /// The file the vocabulary came from.
  [[nodiscard]] const std::filesystem::path& source() const noexcept;

 private:
  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace bgem3
