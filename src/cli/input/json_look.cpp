#include "cli/input/json_look.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bgem3/error.h"
#include "text/surrogates.h"

namespace bgem3::cli {
namespace {

constexpr const char* as_they_are = "Say --input-format lines to embed the lines as they are";

[[noreturn]] void refuse(const std::string& input, std::string_view expected, std::string_view found,
                         std::string_view advice) {
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{}: expected {}, found {}; {}", input, expected, found, advice));
}

bool is_json(std::string_view text) { return nlohmann::json::accept(MendedJson(text).text()); }

bool is_array_begin(std::string_view text) {
  if (!text.starts_with('[')) return false;
  const std::string_view inside = trim_json(text.substr(1));
  return inside.empty() || inside.starts_with('{') || inside.starts_with('"');
}

}  // namespace

std::string_view trim_json(std::string_view text) {
  constexpr std::string_view white = " \t\r\n";
  const auto first = text.find_first_not_of(white);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white) - first + 1);
}

void refuse_json_as_lines(const std::string& input, std::string_view first_line) {
  const std::string_view text = trim_json(first_line);
  if (text.starts_with('{') && text.ends_with('}') && is_json(text)) {
    refuse(input, "one text a line", "JSON lines", fmt::format("say --input-format jsonl. {}", as_they_are));
  }
  if (text == "{" || (is_array_begin(text) && (!text.ends_with(']') || is_json(text)))) {
    refuse(input, "one text a line", "a JSON document",
           fmt::format("make JSON lines of it: jq -c '.[]' FILE. {}", as_they_are));
  }
}

void refuse_json_document(const std::string& input, std::string_view first_line) {
  const std::string_view text = trim_json(first_line);
  if (text.starts_with('[')) refuse(input, "JSON lines", "a JSON array", "make lines of it: jq -c '.[]' FILE");
  if (text == "{") refuse(input, "JSON lines", "JSON over several lines", "make lines of it: jq -c . FILE");
}

}  // namespace bgem3::cli
