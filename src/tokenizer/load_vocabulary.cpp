#include "tokenizer/load_vocabulary.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "config/model_directory.h"
#include "config/modules.h"
#include "file/mapped_file.h"
#include "file/open_file.h"
#include "tokenizer/json_score.h"
#include "tokenizer/token_json.h"
#include "tokenizer/tokenizer_settings.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

namespace fs = std::filesystem;

constexpr const char* json_name = "tokenizer.json";
constexpr const char* model_name = "sentencepiece.bpe.model";

// Of a whole model, where modules.json puts encoder and tokenizer; the folder of an encoder is itself.
fs::path find_tokenizer_directory(const fs::path& path) {
  const auto has_tokenizer = [](const fs::path& directory) {
    return is_there(directory / json_name) || is_there(directory / model_name);
  };
  fs::path directory = has_tokenizer(path) || is_there(path / "config.json") ? path : find_model_directory(path);
  if (has_tokenizer(directory) || !is_there(directory / "modules.json")) return directory;
  constexpr std::size_t bytes_max = 1 << 20;
  return directory /
         detail::encoder_folder(detail::read_modules(read_text_file(directory / "modules.json", bytes_max)));
}

// As in transformers, the model is read where there is no tokenizer.json, which may have another vocabulary.
fs::path find_tokenizer_file(const fs::path& directory) {
  for (const char* name : {json_name, model_name}) {
    if (is_there(directory / name)) return directory / name;
  }
  if (is_there(directory / "vocab.txt")) {
    throw Error(ErrorCode::bad_model,
                fmt::format("{} has a WordPiece vocabulary (vocab.txt), which is not supported; expected the "
                            "XLM-RoBERTa vocabulary: {} or {}",
                            in_quotes(directory), model_name, json_name));
  }
  throw Error(ErrorCode::bad_model,
              fmt::format("{} has no tokenizer; expected {} or {} in it", in_quotes(directory), model_name, json_name));
}

Vocabulary read_vocabulary(const fs::path& file, TokenizerPipeline pipeline) {
  constexpr std::size_t bytes_max = 256 << 20;  // XLM-R's are 5 and 17 MB
  try {
    const std::string bytes = read_text_file(file, bytes_max);
    auto vocabulary =
        file.extension() == ".json" ? read_tokenizer_json(bytes, pipeline) : read_sentencepiece_model(bytes);
    if (pipeline == TokenizerPipeline::tokenizer_json) {
      if (file.extension() != ".json") {  // as BGE-M3's tokenizer.json has it
        vocabulary.words = WordRule::merge_spaces;
        vocabulary.merged_space = " ";
      }
      for (double& score : vocabulary.scores) score = detail::as_read_from_json(score);
    }
    return vocabulary;
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", in_quotes(file), error.what()));
  }
}

// Tokens by content, in the order in which they came.
class TokenList {
 public:
  // One that is there already stays as it is.
  void add(const AddedToken& token) {
    if (places_.emplace(token.content, tokens_.size()).second) tokens_.push_back(token);
  }

  void add_or_replace(const AddedToken& token) {
    const auto [place, is_new] = places_.emplace(token.content, tokens_.size());
    if (is_new) {
      tokens_.push_back(token);
    } else {
      tokens_[place->second] = token;
    }
  }

  std::vector<AddedToken> take() { return std::move(tokens_); }

 private:
  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, std::size_t> places_;
};

// By id. An added_tokens_decoder stands for all that older files say; of these tokenizer.json comes last.
std::map<std::int32_t, AddedToken> numbered_tokens(const Vocabulary& vocabulary, const TokenizerSettings& settings) {
  std::map<std::int32_t, AddedToken> tokens;
  const auto add = [&](const std::vector<AddedToken>& list) {
    for (const auto& token : list) tokens.insert_or_assign(*token.id, token);
  };
  if (settings.added_tokens_decoder) {
    add(*settings.added_tokens_decoder);
  } else {
    add(settings.added_tokens);
    add(vocabulary.added_tokens);
  }
  return tokens;
}

// In the order of transformers 5, where XLMRobertaTokenizer begins without any, tokenizer.json as written with its own.
std::vector<AddedToken> collect_tokens(const Vocabulary& vocabulary, const TokenizerSettings& settings,
                                       TokenizerPipeline pipeline) {
  TokenList tokens;
  const bool is_as_written = pipeline == TokenizerPipeline::tokenizer_json;
  if (is_as_written) {
    for (const auto& token : vocabulary.added_tokens) tokens.add_or_replace(token);
  }
  for (const auto& [id, token] : numbered_tokens(vocabulary, settings)) tokens.add_or_replace(token);
  for (const auto& [name, token] : settings.named) tokens.add(token);
  if (!is_as_written) {
    for (const auto name : special_names) tokens.add({.content = std::string(name)});
    tokens.add({.content = std::string(mask_name)});
  }
  if (settings.extra_special_tokens) {
    for (const auto& token : *settings.extra_special_tokens) tokens.add(token);
  }
  return tokens.take();
}

// Ids of those that are pieces.
std::unordered_map<std::string_view, std::int32_t> find_pieces(const PieceTable& pieces,
                                                               const std::vector<AddedToken>& tokens) {
  constexpr std::int32_t none = -1;
  std::unordered_map<std::string_view, std::int32_t> ids;
  std::size_t longest = 0;
  for (const auto& token : tokens) {
    ids.emplace(token.content, none);
    longest = std::max(longest, token.content.size());
  }
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].size() > longest) continue;
    if (const auto found = ids.find(pieces[id]); found != ids.end()) found->second = static_cast<std::int32_t>(id);
  }
  std::erase_if(ids, [](const auto& entry) { return entry.second == none; });
  return ids;
}

// A token that is a piece has its id; the others follow on the vocabulary. A file that says something else belongs to
// another vocabulary.
void assign_ids(const PieceTable& pieces, std::vector<AddedToken>& tokens) {
  const auto known = find_pieces(pieces, tokens);
  auto next = static_cast<std::int32_t>(pieces.size());
  for (auto& token : tokens) {
    const auto piece = known.find(token.content);
    const std::int32_t id = piece != known.end() ? piece->second : next++;
    if (token.id.value_or(id) != id) {
      throw Error(ErrorCode::bad_model, fmt::format("the added token {} has the id {}; expected {}, its place in the "
                                                    "vocabulary",
                                                    in_quotes(token.content), *token.id, id));
    }
    token.id = id;
  }
}

void check_tokens(const std::vector<AddedToken>& tokens) {
  for (const auto& token : tokens) {
    if (token.content.find('\0') == std::string::npos) continue;
    throw Error(ErrorCode::bad_model,
                fmt::format("an added token with a NUL is not supported: {}", in_quotes(token.content)));
  }
}

// Errors name the directory.
template <typename Read>
auto reading(const fs::path& directory, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", in_quotes(directory), error.what()));
  }
}

// What transformers reads otherwise, or not at all, where there is no tokenizer.json.
void check_without_json(const fs::path& directory, const TokenizerSettings& settings) {
  for (const char* name : {"tokenizer.model", "tokenizer.model.v3"}) {
    if (!is_there(directory / name)) continue;
    throw Error(
        ErrorCode::bad_model,
        fmt::format("{} is beside {}, of which transformers reads the first; expected one of them", name, model_name));
  }
  if (settings.has_extra_tokens_of_map) {
    throw Error(ErrorCode::bad_model,
                "special_tokens_map.json: 'additional_special_tokens', which transformers passes "
                "over where there is no tokenizer.json; expected them in tokenizer_config.json");
  }
}

// The option, or else what tokenizer_class stands for.
TokenizerPipeline choose_pipeline(const TokenizerOptions& options, const TokenizerSettings& settings,
                                  const fs::path& file) {
  if (options.pipeline != TokenizerPipeline::automatic) return options.pipeline;
  if (settings.pipeline == TokenizerPipeline::tokenizer_json && file.extension() != ".json") {
    throw Error(ErrorCode::bad_model, fmt::format("tokenizer_class stands for a {}, which is missing", json_name));
  }
  return settings.pipeline;
}

}  // namespace

LoadedVocabulary load_vocabulary(const fs::path& path, const TokenizerOptions& options) {
  std::error_code ignored;
  const bool is_file = fs::is_regular_file(path, ignored);
  const fs::path directory = is_file ? path.parent_path() : find_tokenizer_directory(path);
  LoadedVocabulary loaded{.source = is_file ? path : find_tokenizer_file(directory), .vocabulary = {}, .tokens = {}};
  const auto settings =
      is_file ? TokenizerSettings() : reading(directory, [&] { return read_tokenizer_settings(directory); });
  if (!is_file && loaded.source.extension() != ".json") {
    reading(directory, [&] { check_without_json(directory, settings); });
  }
  const auto pipeline = reading(directory, [&] { return choose_pipeline(options, settings, loaded.source); });
  loaded.vocabulary = read_vocabulary(loaded.source, pipeline);
  loaded.tokens = collect_tokens(loaded.vocabulary, settings, pipeline);
  reading(directory, [&] {
    check_tokens(loaded.tokens);
    assign_ids(loaded.vocabulary.pieces, loaded.tokens);
  });
  const auto stated = settings.truncate_left ? settings.truncate_left : loaded.vocabulary.truncate_left;
  loaded.truncate_left = options.truncate_left.value_or(stated.value_or(false));
  return loaded;
}

}  // namespace bgem3
