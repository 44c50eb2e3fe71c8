#include "cli/jsonl_record.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bgem3/detail/message.h"
#include "file/json.h"
#include "text/surrogates.h"

namespace bgem3::cli {
namespace {

using nlohmann::json;

std::string describe_fault(std::size_t position, const std::string& token, const json::exception& error) {
  if (!is_number_too_large(error)) return fmt::format("invalid JSON (or UTF-8) at byte {}", position);
  return fmt::format("the number {}, beyond the range of float64; expected a smaller one, or a string",
                     detail::in_one_line(token));
}

// Keeps "id", "text" and, of a pair, "query" of the outermost object. Events rather than a document: a number is seen
// as it was written, and lines nested a million deep cost no stack.
class RecordHandler : public nlohmann::json_sax<json> {
 public:
  /// `is_mended`: see MendedJson.
  RecordHandler(JsonlRecord& record, JsonlKeys keys, bool is_mended)
      : record_(record), keys_(keys), is_mended_(is_mended) {}

  [[nodiscard]] std::string fault() const {
    if (!fault_.empty()) return fault_;
    if (keys_ == JsonlKeys::pair && !has_query_) return "no \"query\"";
    return has_text_ ? "" : "no \"text\"";
  }

  bool null() override { return scalar("null", "null"); }
  bool boolean(bool value) override { return scalar("boolean", value ? "true" : "false"); }
  // Zero comes here as -0 alone.
  bool number_integer(number_integer_t value) override {
    return scalar("number", value == 0 ? "-0" : fmt::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override { return scalar("number", fmt::to_string(value)); }
  bool number_float(number_float_t /*value*/, const string_t& written) override { return scalar("number", written); }
  bool binary(binary_t& /*value*/) override { return refuse("binary"); }

  bool string(string_t& value) override {
    if (at_member("id")) return string_id(value);
    if (at_text()) {
      has_text_ = true;
      record_.text = std::move(value);
    } else if (at_query()) {
      has_query_ = true;
      record_.query = std::move(value);
    } else {
      return scalar("string", "");
    }
    return true;
  }

  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    key_ = std::move(name);
    if (keys_ == JsonlKeys::pair && !at_member("id") && !at_text() && !at_query()) {
      note(fmt::format("the key {}", detail::in_quotes(key_)));
    }
    return true;
  }

  bool start_object(std::size_t /*size*/) override { return begin("object"); }
  bool start_array(std::size_t /*size*/) override { return begin("array"); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }

  bool parse_error(std::size_t position, const std::string& token, const json::exception& error) override {
    return refuse(describe_fault(position, token, error));
  }

 private:
  // Two records whose ids differ in such a half would come out with the same.
  bool string_id(const std::string& value) {
    constexpr std::string_view replacement = "\xEF\xBF\xBD";
    if (is_mended_ && value.find(replacement) != std::string::npos) note_type("string with half of a surrogate pair");
    return scalar("string", json(value).dump());
  }

  [[nodiscard]] bool at_member(const char* name) const { return depth_ == 1 && key_ == name; }
  [[nodiscard]] bool at_text() const { return at_member("text"); }
  [[nodiscard]] bool at_query() const { return keys_ == JsonlKeys::pair && at_member("query"); }

  bool scalar(const char* type, std::string written) {
    if (depth_ == 0) return refuse(type);
    if (at_text() || at_query()) note_type(type);
    if (at_member("id")) record_.id = std::move(written);
    return true;
  }

  bool begin(const char* type) {
    if (depth_ == 0 && type != std::string_view("object")) return refuse(type);
    if (at_text() || at_query() || at_member("id")) note_type(type);
    ++depth_;
    return true;
  }

  bool end() {
    --depth_;
    return true;
  }

  // Of the value of one of the keys that are read.
  void note_type(const char* type) { note(fmt::format("\"{}\" of type {}", key_, type)); }

  // Reads on: the id of a record that is bad otherwise may follow.
  void note(std::string what) {
    if (fault_.empty()) fault_ = std::move(what);
  }

  bool refuse(std::string what) {
    fault_ = std::move(what);
    return false;
  }

  JsonlRecord& record_;
  const JsonlKeys keys_;
  const bool is_mended_;
  std::string key_;  // of the outermost object
  std::string fault_;
  std::size_t depth_ = 0;
  bool has_text_ = false;
  bool has_query_ = false;
};

}  // namespace

std::string parse_record(std::string_view line, JsonlRecord& record, JsonlKeys keys) {
  record = {};
  const MendedJson mended(line);
  RecordHandler handler(record, keys, mended.text().data() != line.data());
  json::sax_parse(mended.text(), &handler);
  return handler.fault();
}

}  // namespace bgem3::cli
