#include "tokenizer/files/tokenizer_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "config/json_object.h"
#include "families/registry.h"
#include "file/mapped_file.h"
#include "file/open_file.h"
#include "tokenizer/files/token_json.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

namespace fs = std::filesystem;
using detail::JsonObject;

// Keys of tokenizer_config.json that cannot change an id: names of files, what is done with ids afterwards, padding.
constexpr auto irrelevant = std::to_array<std::string_view>({
    "add_bos_token",  // XLMRobertaTokenizer has a post-processor of its own, tokenizer.json another
    "add_eos_token",
    "added_tokens_file",
    "auto_map",
    "backend",
    "chat_template",  // config/ decides whether it matters
    "clean_up_tokenization_spaces",
    "cls_token_id",
    "do_basic_tokenize",  // of older versions
    "do_lower_case",      // of other classes
    "errors",             // of older versions, in decoding
    "is_local",
    "local_files_only",
    "max_len",  // read with the other lengths, in config/
    "max_length",
    "model_max_length",
    "name_or_path",
    "never_split",  // of older versions
    "pad_to_multiple_of",
    "pad_token_type_id",
    "padding_side",
    "processor_class",
    "return_token_type_ids",
    "special_tokens_map_file",
    "stride",
    "strip_accents",
    "tokenize_chinese_chars",
    "tokenizer_file",
    "trim_offsets",  // of other classes
    "trust_remote_code",
    "truncation_strategy",
    "unk_id",  // of a sentencepiece model; the pieces say it
    "use_fast",
    "verbose",
    "vocab_file",
    "wordpieces_prefix",  // of older versions
});

constexpr const char* tokenizer_config = "tokenizer_config.json";

std::optional<std::string> text_of(const fs::path& file) {
  if (!is_there(file)) return std::nullopt;
  constexpr std::size_t bytes_max = 16 << 20;
  return read_text_file(file, bytes_max);
}

// A token is its text, or an object with flags. `is_special`: what an object is that does not say it.
AddedToken read_token(const JsonObject& file, const std::string& key, const nlohmann::json& value, bool is_special) {
  if (value.is_string() && !value.get_ref<const std::string&>().empty()) {
    return {.content = value.get<std::string>()};
  }
  if (value.is_object()) return read_added_token({file.place(key), value}, is_special);
  throw file.bad(fmt::format("'{}' should be a token, found {}", key, JsonObject::brief(value)));
}

// The content that a class takes for granted under this name; nothing where it may be another one.
std::optional<std::string_view> fixed_content(const TokenizerClass* of_class, std::string_view name) {
  if (of_class == nullptr || of_class->may_rename) return std::nullopt;
  for (const auto& token : of_class->tokens) {
    if (token.name == name) return token.content;
  }
  return std::nullopt;
}

// Null is no such token, which XLMRobertaTokenizer would look for otherwise.
void read_named(const JsonObject& file, bool is_special, const TokenizerClass* of_class, TokenizerSettings& settings) {
  for (const auto name : token_names) {
    const std::string key(name);
    if (!file.has(key)) continue;
    const auto fixed = fixed_content(of_class, name);
    if (file.value(key).is_null() && !fixed) {
      settings.named.insert_or_assign(key, std::nullopt);
      continue;
    }
    AddedToken token = read_token(file, key, file.value(key), is_special);
    if (fixed && token.content != *fixed) {
      throw file.bad(
          fmt::format("'{}' is {}; expected '{}', as {} has", key, in_quotes(token.content), *fixed, of_class->name));
    }
    settings.named.insert_or_assign(key, std::move(token));
  }
}

// Nothing where the key is absent.
std::optional<std::vector<AddedToken>> read_tokens(const JsonObject& file, const char* key, bool is_special) {
  if (!file.has(key)) return std::nullopt;
  const auto list = file.value(key);
  if (list.is_null() || (list.is_object() && list.empty())) return std::vector<AddedToken>();
  if (!list.is_array()) throw file.bad(fmt::format("'{}' should be a list of tokens", key));
  if (list.size() > added_tokens_max) throw file.bad(fmt::format("'{}' has more than {}", key, added_tokens_max));
  std::vector<AddedToken> tokens;
  for (const auto& value : list) tokens.push_back(read_token(file, key, value, is_special));
  return tokens;
}

constexpr const char* extra_key = "extra_special_tokens";
constexpr const char* additional_key = "additional_special_tokens";

// The older name counts where the newer one says nothing.
void read_extra_of_config(const JsonObject& file, TokenizerSettings& settings) {
  auto extra = read_tokens(file, extra_key, /*is_special=*/false);
  auto additional = read_tokens(file, additional_key, /*is_special=*/false);
  settings.extra_special_tokens = additional && (!extra || extra->empty()) ? std::move(additional) : std::move(extra);
}

// Those of the newer name are added to what tokenizer_config.json says, those of the older name stand in for it.
void read_extra_of_map(const JsonObject& file, TokenizerSettings& settings) {
  auto& all = settings.extra_special_tokens;
  if (const auto extra = read_tokens(file, extra_key, /*is_special=*/true)) {
    if (!all || file.value(extra_key).is_null()) all.emplace();
    all->insert(all->end(), extra->begin(), extra->end());
  }
  auto additional = read_tokens(file, additional_key, /*is_special=*/true);
  if (all || !additional) return;
  settings.has_extra_tokens_of_map = !additional->empty();
  all = std::move(additional);
}

std::int32_t read_id(const JsonObject& file, const std::string& text) {
  std::int32_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc() && end == text.data() + text.size() && id >= 0) return id;
  throw file.bad(fmt::format("'added_tokens_decoder': {} should be an id", in_quotes(text)));
}

void read_decoder(const JsonObject& file, TokenizerSettings& settings) {
  if (!file.has("added_tokens_decoder")) return;
  const auto entries = file.value("added_tokens_decoder");
  if (!entries.is_object() || entries.size() > added_tokens_max) {
    throw file.bad(fmt::format("'added_tokens_decoder' should be an object of at most {} tokens", added_tokens_max));
  }
  settings.added_tokens_decoder.emplace();
  for (const auto& [id, value] : entries.items()) {
    AddedToken token = read_token(file, "added_tokens_decoder." + id, value, /*is_special=*/false);
    token.id = read_id(file, id);
    settings.added_tokens_decoder->push_back(std::move(token));
  }
}

// Of another class, transformers would make other ids of the same file.
StatedClass class_of_name(const std::string& place, const std::string& name) {
  if (const auto* known = find_tokenizer_class(name)) return {.is_stated = true, .of = known};
  if (name == "PreTrainedTokenizerFast" || name == "PreTrainedTokenizer" || name == "TokenizersBackend") {
    return {.is_stated = true, .of = nullptr};
  }
  throw Error(ErrorCode::bad_model, fmt::format("{} {} is not supported; expected {}, PreTrainedTokenizerFast or "
                                                "TokenizersBackend",
                                                place, in_quotes(name), known_tokenizer_classes()));
}

// Of what a tokenizer makes, a model gets what is listed.
std::optional<bool> read_names_types(const JsonObject& file) {
  constexpr const char* key = "model_input_names";
  const auto names = file.value(key);
  if (names.is_null()) return std::nullopt;
  if (!names.is_array()) throw file.bad(fmt::format("'{}' should be a list of names", key));
  return std::ranges::find(names, "token_type_ids") != names.end();
}

void read_tokenizer_config(const JsonObject& file, const TokenizerClass* of_class, TokenizerSettings& settings) {
  read_named(file, /*is_special=*/false, of_class, settings);
  read_extra_of_config(file, settings);
  read_decoder(file, settings);
  settings.truncate_left = file.truncate_left();
  settings.names_types = read_names_types(file);
  file.expect_or_null("sp_model_kwargs", nlohmann::json::object());
  file.expect_or_null("split_special_tokens", false);
  if (of_class != nullptr) settings.build = of_class->configure(file);
  (void)file.value("tokenizer_class");
  // tokenizer.json as it is has its own, whatever is said here.
  (void)file.value("add_prefix_space");
  file.refuse_others(irrelevant);
}

// What it says comes before tokenizer_config.json; with an added_tokens_decoder, it is not looked at.
void read_special_tokens_map(const fs::path& directory, const TokenizerClass* of_class, TokenizerSettings& settings) {
  constexpr const char* name = "special_tokens_map.json";
  const auto text = text_of(directory / name);
  if (!text || settings.added_tokens_decoder) return;
  const JsonObject file(name, *text);
  read_named(file, /*is_special=*/true, of_class, settings);
  read_extra_of_map(file, settings);
  file.refuse_others(std::array<std::string_view, 0>{});
}

std::set<std::string> special_contents(const TokenizerSettings& settings) {
  std::set<std::string> contents;
  for (const auto& [key, token] : settings.named) {
    if (token) contents.insert(token->content);
  }
  if (settings.extra_special_tokens) {
    for (const auto& token : *settings.extra_special_tokens) contents.insert(token.content);
  }
  return contents;
}

void read_added_tokens(const fs::path& directory, TokenizerSettings& settings) {
  constexpr const char* name = "added_tokens.json";
  const auto text = text_of(directory / name);
  if (!text) return;
  const auto entries = detail::parse_file(name, *text);
  if (!entries.is_object() || entries.size() > added_tokens_max) {
    throw detail::bad_file(name, fmt::format("should be an object of at most {} tokens", added_tokens_max));
  }
  const auto special = special_contents(settings);
  for (const auto& [content, id] : entries.items()) {
    if (content.empty() || !id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX) {
      throw detail::bad_file(name,
                             fmt::format("{} should have an id, found {}", in_quotes(content), JsonObject::brief(id)));
    }
    const bool is_special = special.contains(content);
    settings.added_tokens.push_back(
        {.content = content, .id = id.get<std::int32_t>(), .is_special = is_special, .is_normalized = !is_special});
  }
}

}  // namespace

// tokenizer_config.json comes before config.json.
StatedClass read_tokenizer_class(const fs::path& directory) {
  constexpr const char* key = "tokenizer_class";
  if (const auto text = text_of(directory / tokenizer_config)) {
    const JsonObject file(tokenizer_config, *text);
    if (const auto name = file.get_or_null<std::string>(key)) return class_of_name(file.place(key), *name);
  }
  const auto text = text_of(directory / "config.json");
  if (!text) return {};
  const JsonObject file("config.json", *text);
  if (const auto name = file.get_or_null<std::string>(key)) return class_of_name(file.place(key), *name);
  const auto model_type = file.value("model_type");
  const char* const of_family = model_type.is_string() ? tokenizer_class_of(model_type.get<std::string>()) : nullptr;
  return of_family != nullptr ? class_of_name(file.place("model_type"), of_family) : StatedClass();
}

TokenizerSettings read_tokenizer_settings(const std::optional<fs::path>& directory, const TokenizerClass* of_class) {
  TokenizerSettings settings;
  const auto text = directory ? text_of(*directory / tokenizer_config) : std::nullopt;
  read_tokenizer_config({tokenizer_config, text.value_or("{}")}, of_class, settings);
  if (directory) {
    read_special_tokens_map(*directory, of_class, settings);
    read_added_tokens(*directory, settings);
  }
  return settings;
}

}  // namespace bgem3
