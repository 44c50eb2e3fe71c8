#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "file/json.h"

namespace bgem3::server {

/// The JSON body of a request. Its members throw Failure: 422 for a field that is not as it should be. Fields that
/// nobody asks for are passed over, as clients of all sorts send some. Messages hold no values: these are users' texts.
class Body {
 public:
  /// @throws Failure 400 when it is no JSON, or nested too deeply, 413 when it has many more values than `texts_max`
  Body(std::string_view text, std::size_t texts_max);

  [[nodiscard]] bool is_object() const noexcept { return json().is_object(); }
  [[nodiscard]] bool has(const char* key) const;

  /// A text, or a list of texts.
  /// @throws Failure also 413 for more than `texts_max`
  [[nodiscard]] std::vector<std::string> texts(const char* key, std::size_t texts_max) const;

  /// The same of the body as a whole, when it is no object.
  [[nodiscard]] std::vector<std::string> bare_texts(std::size_t texts_max) const;

  [[nodiscard]] std::string text(const char* key) const;
  [[nodiscard]] std::optional<bool> flag(const char* key) const;
  /// 1 to `max`.
  [[nodiscard]] std::optional<std::size_t> number(const char* key, std::size_t max) const;
  /// One of `allowed`; the first when there is none.
  [[nodiscard]] std::string choice(const char* key, std::initializer_list<const char*> allowed) const;

 private:
  /// Null when the key is absent.
  [[nodiscard]] const nlohmann::json& value(const char* key) const;

  [[nodiscard]] const nlohmann::json& json() const noexcept { return document_.value; }

  const JsonDocument document_;
};

}  // namespace bgem3::server
