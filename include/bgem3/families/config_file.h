#pragma once

#include <cstdint>
#include <string>

#include "bgem3/error.h"
#include "bgem3/export.h"

namespace bgem3 {
namespace detail {
class JsonObject;
}

/// The config.json of a model directory, as a Family reads it. Keys that nobody asks for are refused in the end, unless
/// they cannot change a vector.
class BGEM3_API ConfigFile {
 public:
  explicit ConfigFile(const detail::JsonObject& file) : file_(file) {}

  /// A whole number of at least `least`, at most 2^31 - 1.
  /// @throws Error bad_model, as all of these do, for a value of another kind or, without `fallback`, none
  [[nodiscard]] std::int64_t required_integer(const std::string& key, std::int64_t least) const;
  [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t least) const;
  [[nodiscard]] double number(const std::string& key, double fallback) const;
  [[nodiscard]] std::string text(const std::string& key, const std::string& fallback) const;
  [[nodiscard]] bool flag(const std::string& key, bool fallback) const;

  /// Refuses `key` unless it is absent or `only`.
  void expect(const std::string& key, const char* only) const;
  void expect(const std::string& key, bool only) const;

  /// Passes over a key that changes no vector of the family, whatever its value is.
  void ignore(const std::string& key) const;

  /// For messages and ModelConfig::sources: "config.json: hidden_size".
  [[nodiscard]] std::string place(const std::string& key) const;

  /// The fault of this file, which names it.
  [[nodiscard]] Error bad(const std::string& what) const;

 private:
  const detail::JsonObject& file_;
};

}  // namespace bgem3
