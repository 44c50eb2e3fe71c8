#pragma once

#include <string>
#include <string_view>

namespace bgem3::cli {

/// What one JSON line says.
struct JsonlRecord {
  std::string id;     ///< JSON of "id" as it was written, so that no digit is lost; empty when there is none
  std::string text;   ///< value of "text"
  std::string query;  ///< value of "query", of a pair
};

/// Which keys a line has.
enum class JsonlKeys {
  text,  ///< `{"id": …, "text": …}`; others are passed over
  pair,  ///< `{"id": …, "query": …, "text": …}`; others are refused
};

/// Reads a line; "id" may be missing. Of a key that a line has twice, the last value counts. A
/// number that no float64 holds, such as 1e400, is refused wherever it stands. An escaped half of a surrogate pair
/// counts as U+FFFD, in an id as well as in a text.
/// @return what was found instead, to follow "found" in a message; empty when all is well
std::string parse_record(std::string_view line, JsonlRecord& record, JsonlKeys keys = JsonlKeys::text);

}  // namespace bgem3::cli
