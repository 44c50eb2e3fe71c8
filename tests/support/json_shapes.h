#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "file/json.h"

namespace bgem3::test {

/// `part` again and again, with commas between, for about so many bytes.
inline std::string repeated(const std::string& part, std::size_t bytes) {
  std::string text = part;
  while (text.size() < bytes) text += "," + part;
  return text;
}

/// Members with names of their own, each of which begins with `start`.
inline std::string members(const std::string& start, const std::string& value, std::size_t bytes) {
  std::string text = "\"" + start + "\":" + value;
  for (int i = 0; text.size() < bytes; ++i) text += ",\"" + start + std::to_string(i) + "\":" + value;
  return text;
}

inline std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

/// Makes a text of about so many bytes.
using JsonShape = std::function<std::string(std::size_t bytes)>;

/// Texts that cost a careless parser more than their length, and what to call them.
inline const std::vector<std::pair<const char*, JsonShape>>& json_shapes() {
  static const std::vector<std::pair<const char*, JsonShape>> shapes = {
      {"empty objects", [](std::size_t bytes) { return "[" + repeated("{}", bytes) + "]"; }},
      {"empty arrays", [](std::size_t bytes) { return "[" + repeated("[]", bytes) + "]"; }},
      {"objects of one member", [](std::size_t bytes) { return "[" + repeated("{\"a\":1}", bytes) + "]"; }},
      {"numbers", [](std::size_t bytes) { return "[" + repeated("0", bytes) + "]"; }},
      {"short strings", [](std::size_t bytes) { return "[" + repeated("\"a\"", bytes) + "]"; }},
      {"members", [](std::size_t bytes) { return "{" + members("a", "{}", bytes) + "}"; }},
      {"one member again and again", [](std::size_t bytes) { return "{" + repeated("\"a\":[1,2,3]", bytes) + "}"; }},
      {"names that begin alike",
       [](std::size_t bytes) { return "{" + members(std::string(500, 'a'), "1", bytes) + "}"; }},
      {"a long string", [](std::size_t bytes) { return "[\"" + std::string(bytes, 'a') + "\"]"; }},
      {"escapes",
       [](std::size_t bytes) {
         std::string text = "[\"";
         while (text.size() < bytes) text += "\\u0041\\n";
         return text + "\"]";
       }},
      {"a long number", [](std::size_t bytes) { return "[0." + std::string(bytes, '1') + "]"; }},
      {"nested as deep as it may be",
       [](std::size_t bytes) { return "[" + repeated(nested(json_depth_max - 1), bytes) + "]"; }},
      {"spaces", [](std::size_t bytes) { return "[" + std::string(bytes, ' ') + "]"; }},
  };
  return shapes;
}

}  // namespace bgem3::test
