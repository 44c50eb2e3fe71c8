#include "tokenizer/files/load_tokenizer.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "config/model_directory.h"
#include "config/modules.h"
#include "file/mapped_file.h"
#include "file/open_file.h"
#include "tokenizer/files/class_steps.h"
#include "tokenizer/files/collect_tokens.h"
#include "tokenizer/files/tokenizer_class.h"
#include "tokenizer/files/tokenizer_json.h"
#include "tokenizer/files/tokenizer_settings.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

namespace fs = std::filesystem;

constexpr const char* json_name = "tokenizer.json";

// Those in which a vocabulary may lie, in the order in which they are looked for.
std::vector<std::string_view> possible_files(const StatedClass& stated) {
  auto names = stated.of != nullptr ? std::vector{stated.of->vocabulary_file} : vocabulary_files();
  names.insert(names.begin(), json_name);
  return names;
}

std::optional<fs::path> find_file(const fs::path& directory, const StatedClass& stated) {
  for (const auto name : possible_files(stated)) {
    if (is_there(directory / name)) return directory / name;
  }
  return std::nullopt;
}

// Of a whole model, where modules.json puts encoder and tokenizer; the folder of an encoder is itself.
fs::path find_tokenizer_directory(const fs::path& path) {
  const auto has_tokenizer = [](const fs::path& directory) { return find_file(directory, {}).has_value(); };
  fs::path directory = has_tokenizer(path) || is_there(path / "config.json") ? path : find_model_directory(path);
  if (has_tokenizer(directory) || !is_there(directory / "modules.json")) return directory;
  constexpr std::size_t bytes_max = 1 << 20;
  return directory /
         detail::encoder_folder(detail::read_modules(read_text_file(directory / "modules.json", bytes_max)));
}

fs::path find_tokenizer_file(const fs::path& directory, const StatedClass& stated) {
  if (auto found = find_file(directory, stated)) return *std::move(found);
  const std::string of_class = stated.of != nullptr ? fmt::format(" for {}", stated.of->name) : "";
  throw Error(ErrorCode::bad_model, fmt::format("{} has no tokenizer{}; expected {} in it", in_quotes(directory),
                                                of_class, fmt::join(possible_files(stated), " or ")));
}

// Errors name the file or directory.
template <typename Read>
auto reading(const fs::path& path, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", in_quotes(path), error.what()));
  }
}

TokenizerFile read_tokenizer_file(const fs::path& file) {
  constexpr std::size_t bytes_max = 256 << 20;  // XLM-R's are 5 and 17 MB
  const std::string bytes = read_text_file(file, bytes_max);
  TokenizerFile read;
  if (file.filename() == "vocab.json") {
    const fs::path merges = fs::path(file).replace_filename("merges.txt");
    if (!is_there(merges)) throw Error(ErrorCode::bad_model, "expected merges.txt beside it, found none");
    read.vocabulary = read_vocab_json(bytes);
    reading(merges, [&] { read_merges_txt(read_text_file(merges, bytes_max), read.vocabulary); });
    return read;
  }
  if (file.extension() == ".json") return read_tokenizer_json(bytes);
  read.vocabulary = file.extension() == ".txt" ? read_vocab_txt(bytes) : read_sentencepiece_model(bytes);
  return read;
}

// What transformers reads otherwise, or not at all, where there is no tokenizer.json.
void check_without_json(const fs::path& directory, const fs::path& file, const TokenizerSettings& settings) {
  for (const char* name : {"tokenizer.model", "tokenizer.model.v3"}) {
    if (!is_there(directory / name)) continue;
    throw Error(ErrorCode::bad_model,
                fmt::format("{} is beside {}, of which transformers reads the first; expected one of them", name,
                            file.filename().string()));
  }
  if (settings.has_extra_tokens_of_map) {
    throw Error(ErrorCode::bad_model,
                "special_tokens_map.json: 'additional_special_tokens', which transformers passes "
                "over where there is no tokenizer.json; expected them in tokenizer_config.json");
  }
}

// The class of which the steps are, or null to run tokenizer.json as written: what the caller wants, or else what the
// files say, or else the class that such a vocabulary mostly has.
const TokenizerClass* choose_class(const TokenizerOptions& options, const StatedClass& stated,
                                   const TokenizerFile& file) {
  const bool is_json = !file.json.value.is_null();
  const bool wants_json = options.pipeline == TokenizerPipeline::tokenizer_json;
  if (wants_json && is_json) return nullptr;
  const bool is_as_written = stated.is_stated && stated.of == nullptr;
  if (is_as_written && options.pipeline == TokenizerPipeline::automatic) {
    if (is_json) return nullptr;
    throw Error(ErrorCode::bad_model, fmt::format("tokenizer_class stands for a {}, which is missing", json_name));
  }
  const auto model_type = file.vocabulary.model_type;
  if (!stated.is_stated && is_json && model_type == byte_pair_type) return nullptr;  // many classes have such ones
  const TokenizerClass& chosen = stated.of != nullptr ? *stated.of : default_tokenizer_class(model_type);
  if (wants_json && chosen.has_other_conversion) return nullptr;
  if (chosen.model_type == model_type) return &chosen;
  throw Error(ErrorCode::bad_model,
              fmt::format("{} needs a {} model, found {} in {}; expected another tokenizer_class in "
                          "tokenizer_config.json",
                          chosen.name, chosen.model_type, model_type, json_name));
}

TokenTemplate template_of(const TokenizerClass& of_class, const CollectedTokens& collected) {
  const auto cls = collected.id_of(of_class.first_token), sep = collected.id_of(of_class.last_token);
  if (!cls || !sep) {
    throw Error(ErrorCode::bad_model, fmt::format("{} needs a {} and a {}, found null", of_class.name,
                                                  of_class.first_token, of_class.last_token));
  }
  return {.before = {*cls},
          .after = {*sep},
          .between = TokenIds(of_class.separators, *sep),
          .has_types = of_class.has_types};
}

// Whether transformers hands token types on to a model. Where tokenizer.json is run as written, it does not by default.
bool gives_types(const TokenizerSettings& settings, const TokenizerClass* of_class, const StatedClass& stated,
                 const TokenizerFile& file) {
  if (settings.names_types) return *settings.names_types;
  if (of_class == nullptr && stated.is_stated) of_class = stated.of;
  if (of_class == nullptr && !stated.is_stated) of_class = &default_tokenizer_class(file.vocabulary.model_type);
  return of_class != nullptr && of_class->names_types;
}

void check_template(const TokenTemplate& around, std::size_t vocabulary_size) {
  for (const auto* ids : {&around.before, &around.between, &around.after}) {
    for (const auto id : *ids) {
      if (static_cast<std::size_t>(id) < vocabulary_size) continue;
      throw Error(ErrorCode::bad_model,
                  fmt::format("post_processor: the id {} should be one of 0 to {}", id, vocabulary_size - 1));
    }
  }
}

std::size_t count_ids(const PieceTable& pieces, const std::vector<AddedToken>& tokens) {
  std::size_t count = pieces.size();
  for (const auto& token : tokens) count = std::max(count, static_cast<std::size_t>(*token.id) + 1);
  return count;
}

// Where tokenizer.json does not say what pads, models of these kinds have one of these.
std::optional<std::int32_t> find_usual(const std::vector<AddedToken>& tokens,
                                       std::initializer_list<std::string_view> contents) {
  for (const auto content : contents) {
    const auto found = std::ranges::find(tokens, content, &AddedToken::content);
    if (found != tokens.end()) return found->id;
  }
  return std::nullopt;
}

SpecialTokens special_tokens_of(const TokenizerSteps& steps, const CollectedTokens& collected) {
  const auto id_of = [&](std::string_view name, std::initializer_list<std::string_view> contents) {
    const auto named = collected.id_of(name);
    return named ? *named : find_usual(collected.tokens, contents).value_or(-1);
  };
  return {.cls = steps.around.before.front(),
          .pad = id_of("pad_token", {"<pad>", "[PAD]"}),
          .eos = steps.around.after.back(),
          .unk = steps.unknown_id >= 0 ? steps.unknown_id : id_of("unk_token", {}),
          .mask = id_of("mask_token", {"<mask>", "[MASK]"})};
}

TokenizerSteps build_steps(TokenizerFile& file, const TokenizerSettings& settings, const TokenizerClass* of_class) {
  if (of_class == nullptr) return file.json.value.is_null() ? build_as_bge_m3(file) : read_steps(file);
  const auto unknown = find_named_token("unk_token", settings, of_class);
  if (!unknown) throw Error(ErrorCode::bad_model, "unk_token should be a token, found null");
  return settings.build(file, unknown->content);
}

}  // namespace

LoadedTokenizer load_tokenizer(const fs::path& path, const TokenizerOptions& options) {
  std::error_code ignored;
  const bool is_file = fs::is_regular_file(path, ignored);  // which is read alone
  const fs::path directory = is_file ? path.parent_path() : find_tokenizer_directory(path);
  const auto in_directory = [&](const auto& read) { return reading(directory, read); };
  const auto stated = is_file ? StatedClass() : in_directory([&] { return read_tokenizer_class(directory); });
  LoadedTokenizer loaded;
  loaded.source = is_file ? path : find_tokenizer_file(directory, stated);
  auto file = reading(loaded.source, [&] { return read_tokenizer_file(loaded.source); });
  loaded.model_type = file.vocabulary.model_type;
  const auto* const of_class = in_directory([&] { return choose_class(options, stated, file); });
  const auto settings = in_directory(
      [&] { return read_tokenizer_settings(is_file ? std::nullopt : std::optional(directory), of_class); });
  if (!is_file && file.json.value.is_null()) {
    in_directory([&] { check_without_json(directory, loaded.source, settings); });
  }
  loaded.steps = reading(loaded.source, [&] { return build_steps(file, settings, of_class); });
  in_directory([&] {
    auto collected = collect_tokens(file, settings, of_class, loaded.steps.pieces, loaded.steps.pad_token);
    if (of_class != nullptr) loaded.steps.around = template_of(*of_class, collected);
    loaded.steps.around.has_types &= gives_types(settings, of_class, stated, file);
    check_template(loaded.steps.around, count_ids(loaded.steps.pieces, collected.tokens));
    loaded.special = special_tokens_of(loaded.steps, collected);
    for (const auto& [name, token] : collected.named) loaded.named.emplace(name, token.content);
    loaded.tokens = std::move(collected.tokens);
  });
  const auto truncate_left = settings.truncate_left ? settings.truncate_left : file.truncate_left;
  loaded.truncate_left = options.truncate_left.value_or(truncate_left.value_or(false));
  return loaded;
}

}  // namespace bgem3
