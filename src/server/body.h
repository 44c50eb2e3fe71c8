#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "file/json.h"

namespace bgem3::server {

/// The fields of a JSON object that came from a client. Members throw Failure: 422 for a field that is not as it should
/// be. A field that is null counts as absent. Messages hold no values: these are users' texts.
class Fields {
 public:
  /// @param object  anything but an object is refused when the first field is asked for
  /// @param within  how messages call the object, such as "'parameters'"
  Fields(const nlohmann::json& object, std::string within) : object_(object), within_(std::move(within)) {}

  [[nodiscard]] bool is_object() const noexcept { return object_.is_object(); }
  [[nodiscard]] bool has(const char* key) const;
  /// The same of a field that tells what the others are: refuse_others() does not know it by that.
  [[nodiscard]] bool mentions(const char* key) const;

  /// A text, or a list of texts.
  /// @throws Failure also 413 for more than `texts_max`
  [[nodiscard]] std::vector<std::string> texts(const char* key, std::size_t texts_max) const;

  /// Pairs of texts: one, [text, text], or a list of such.
  /// @throws Failure also 413 for more than `texts_max`
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> text_pairs(const char* key,
                                                                            std::size_t texts_max) const;

  /// A text, or an object that has it as "text", or a list of either.
  /// @throws Failure also 413 for more than `texts_max`
  [[nodiscard]] std::vector<std::string> documents(const char* key, std::size_t texts_max) const;

  /// Two names of the same field: the one that is there, else the first.
  /// @throws Failure 422 where both are
  [[nodiscard]] const char* either(const char* one, const char* other) const;

  /// Whether the fields but `key`, and those that are null, are those of another object.
  /// @throws Failure 422 for an object of many more fields than any route knows
  [[nodiscard]] bool equals(const Fields& other, const char* key) const;

  [[nodiscard]] bool is_object(const char* key) const;
  [[nodiscard]] bool is_text(const char* key) const;
  /// Whether it is one pair of texts, and no list of them.
  [[nodiscard]] bool is_pair(const char* key) const;

  /// Whether it is a list of numbers, or of such lists.
  [[nodiscard]] bool has_numbers(const char* key) const;

  /// Lists of whole numbers from 0 to `max`; one list counts as a list of one.
  /// @throws Failure also 413 for more than `lists_max`
  [[nodiscard]] std::vector<std::vector<std::int32_t>> number_lists(const char* key, std::size_t lists_max,
                                                                    std::int32_t max) const;

  [[nodiscard]] std::string text(const char* key) const;
  [[nodiscard]] std::optional<bool> flag(const char* key) const;
  /// The same; "true" and "false" count as well, which some clients send.
  [[nodiscard]] std::optional<bool> lenient_flag(const char* key) const;
  /// 1 to `max`.
  [[nodiscard]] std::optional<std::size_t> number(const char* key, std::size_t max) const;
  /// The same; 0 and what is negative count as none, as vLLM and Ollama have it.
  [[nodiscard]] std::optional<std::size_t> count(const char* key, std::size_t max) const;
  /// One of `allowed`; the first when there is none.
  [[nodiscard]] std::string choice(const char* key, std::initializer_list<const char*> allowed) const;
  /// An object, or an empty one when there is none.
  [[nodiscard]] Fields object(const char* key) const;
  /// A list of objects.
  /// @throws Failure also 413 for more than `most`
  [[nodiscard]] std::vector<Fields> objects(const char* key, std::size_t most) const;

  /// These may be there and have no effect on what is computed.
  void pass_over(std::initializer_list<const char*> keys) const;

  /// To be called when all that a route knows was asked for.
  /// @throws Failure 422 that names a field nobody asked for
  void refuse_others() const;

 private:
  /// Null when the key is absent.
  [[nodiscard]] const nlohmann::json& value(const char* key) const;
  [[nodiscard]] std::string name_of(std::string_view key) const;

  const nlohmann::json& object_;
  const std::string within_;
  mutable std::vector<std::string_view> known_;
};

/// What a Body is made of, before its fields are.
struct ParsedBody {
  /// @throws Failure 400 when it is no JSON, or nested too deeply, 413 when it has many more values than `texts_max`,
  ///         422 for JSON within a JSON string
  ParsedBody(std::string_view text, std::size_t texts_max);
  const JsonDocument document;
};

/// The JSON body of a request.
class Body : private ParsedBody, public Fields {
 public:
  /// @throws Failure as ParsedBody
  Body(std::string_view text, std::size_t texts_max)
      : ParsedBody(text, texts_max), Fields(document.value, "the body") {}

  /// texts() of the body as a whole, when it is no object.
  [[nodiscard]] std::vector<std::string> bare_texts(std::size_t texts_max) const;
};

}  // namespace bgem3::server
