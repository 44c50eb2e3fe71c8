// How many vectors, scores or texts the answer to a body has to have, found without the server's own reader.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <numeric>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace bgem3::fuzz {

using nlohmann::json;

inline bool has(const json& body, const char* name) {
  return body.is_object() && body.contains(name) && !body[name].is_null();
}

/// The first of these fields that there is.
inline const json& first_of(const json& body, std::initializer_list<const char*> names) {
  static const json null;
  const auto found = std::ranges::find_if(names, [&](const char* name) { return has(body, name); });
  return found == names.end() ? null : body[*found];
}

/// Texts of a field: one, or a list; the token ids of one, or of several.
inline std::size_t count_texts(const json& field) {
  const bool is_one = !field.is_array() || (!field.empty() && field[0].is_number());
  return is_one ? 1 : field.size();
}

/// For Ollama an empty text is none.
inline std::size_t count_ollama(const json& field) { return field == "" ? 0 : count_texts(field); }

/// Pairs of texts: one, or a list.
inline std::size_t count_pairs(const json& field) {
  return field.size() == 2 && field[0].is_string() ? 1 : field.size();
}

inline std::size_t count_ranked(const json& body) {
  const std::size_t texts = count_texts(first_of(body, {"documents", "texts"}));
  const double most = has(body, "top_n") ? body["top_n"].get<double>() : 0;
  return most > 0 && most < static_cast<double>(texts) ? static_cast<std::size_t>(most) : texts;
}

/// The second texts of pairs that are in two fields, under the names that vLLM has for them; null without such.
inline const json& second_texts(const json& body) {
  static const json null;
  constexpr std::array names = {std::pair("text_1", "text_2"), std::pair("queries", "documents"),
                                std::pair("queries", "items"), std::pair("data_1", "data_2")};
  const auto found =
      std::ranges::find_if(names, [&](const auto& pair) { return has(body, pair.first) && has(body, pair.second); });
  return found == names.end() ? null : body[found->second];
}

inline std::size_t count_instances(const json& instances) {
  return std::accumulate(instances.begin(), instances.end(), std::size_t{0}, [](std::size_t sum, const json& instance) {
    return sum + count_texts(first_of(instance, {"inputs"}));
  });
}

/// What the answer to a body that was accepted has to have.
inline std::size_t count_expected(std::string_view route, const json& body) {
  if (route == "/api/show") return 1;
  if (route == "/api/embed" || route == "/api/embeddings") return count_ollama(first_of(body, {"input", "prompt"}));
  if (route == "/predict") return count_pairs(first_of(body, {"inputs"}));
  if (route == "/decode") return count_texts(first_of(body, {"ids"}));
  if (route == "/vertex") return count_instances(first_of(body, {"instances"}));
  const auto& seconds = second_texts(body);
  if ((route == "/score" || route == "/v1/score") && !seconds.is_null()) return count_texts(seconds);
  if (has(body, "query")) return count_ranked(body);
  const auto& inputs = body.is_object() ? first_of(body, {"inputs", "input"}) : body;
  return count_texts(inputs.is_object() ? first_of(inputs, {"sentences"}) : inputs);
}

/// What an answer in JSON has.
inline std::size_t count_found(const json& answer) {
  if (answer.is_array()) return answer.size();
  if (has(answer, "model_info")) return 1;
  if (has(answer, "embedding")) return answer["embedding"].empty() ? 0 : 1;
  if (!has(answer, "predictions")) return first_of(answer, {"data", "results", "embeddings"}).size();
  const auto& instances = answer["predictions"];
  return std::accumulate(instances.begin(), instances.end(), std::size_t{0},
                         [](std::size_t sum, const json& vectors) { return sum + vectors.size(); });
}

}  // namespace bgem3::fuzz
