#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bgem3/error.h"
#include "bgem3/export.h"

namespace bgem3 {
namespace detail {
class JsonObject;
}

/// The config.json of a model directory, or an object in it, as a Family reads it. Keys that nobody asks for are
/// refused in the end, unless they cannot change a vector.
class BGEM3_API ConfigFile {
 public:
  /// `file` outlives it.
  explicit ConfigFile(const detail::JsonObject& file);
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;
  ~ConfigFile();

  /// Whether `key` is there and not null.
  [[nodiscard]] bool has(const std::string& key) const;

  /// A whole number of at least `least`, at most 2^31 - 1.
  /// @throws Error bad_model, as all of these do, for a value of another kind or, without `fallback`, none
  [[nodiscard]] std::int64_t required_integer(const std::string& key, std::int64_t least) const;
  [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t fallback, std::int64_t least) const;
  [[nodiscard]] double number(const std::string& key, double fallback) const;
  [[nodiscard]] std::string text(const std::string& key, const std::string& fallback) const;
  [[nodiscard]] bool flag(const std::string& key, bool fallback) const;

  /// Lists of at most 10,000 entries, the numbers as those of integer(); nothing when the key is absent or null.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(const std::string& key, std::int64_t least) const;
  [[nodiscard]] std::optional<std::vector<std::string>> texts(const std::string& key) const;

  /// The object at `key`, an empty one when the key is absent or null. It lives as long as this one.
  [[nodiscard]] const ConfigFile& object(const std::string& key) const;

  /// Refuses `key` unless it is absent or `only`.
  void expect(const std::string& key, const char* only) const;
  void expect(const std::string& key, bool only) const;

  /// Passes over a key that changes no vector of the family, whatever its value is.
  void ignore(const std::string& key) const;

  /// For messages and ModelConfig::sources: "config.json: hidden_size".
  [[nodiscard]] std::string place(const std::string& key) const;

  /// The fault of this file, which names it.
  [[nodiscard]] Error bad(const std::string& what) const;

  /// Refuses the keys that nobody asked for in the objects that were asked for. The library calls it after
  /// Family::read.
  void refuse_others() const;

 private:
  struct Nested;

  const detail::JsonObject& file_;
  mutable std::map<std::string, std::unique_ptr<const Nested>> objects_;
};

}  // namespace bgem3
