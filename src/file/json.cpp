#include "file/json.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bgem3/detail/message.h"

namespace bgem3 {
namespace {

// Builds a document in time and memory linear in the length of its text, which nlohmann's parser with a callback does
// not: that looks at all siblings at each end of an array or object.
class JsonBuilder final : public nlohmann::json_sax<nlohmann::json> {
  using Json = nlohmann::json;

 public:
  JsonBuilder(JsonDocument& document, std::size_t values_max, JsonWatch& watch)
      : document_(document), values_max_(values_max), watch_(watch) {}

  bool null() override { return add(nullptr) != nullptr; }
  bool boolean(bool value) override { return add(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return add(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return add(value) != nullptr; }
  bool number_float(number_float_t value, const string_t& /*written*/) override { return add(value) != nullptr; }
  bool string(string_t& value) override { return add(std::move(value)) != nullptr; }
  bool binary(binary_t& /*value*/) override { return refuse("is not valid JSON"); }
  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    watch_.key(open_.size(), name);
    open_.back().key = std::move(name);
    return true;
  }

  bool parse_error(std::size_t /*position*/, const std::string& token, const Json::exception& error) override {
    if (!is_number_too_large(error)) return refuse("is not valid JSON");
    return refuse(fmt::format("has a number beyond the range of float64, {}", detail::in_one_line(token)));
  }

 private:
  struct Open {
    Json* value;      // stays where it is: what encloses it grows when it is complete
    std::string key;  // of an object's member
  };

  // Nothing when the document is refused.
  template <typename Value>
  Json* add(Value&& value) {
    if (++values_ > values_max_) {
      document_.has_too_many_values = true;
      refuse(fmt::format("has more than {} values", values_max_));
      return nullptr;
    }
    if (open_.empty()) return &(document_.value = std::forward<Value>(value));
    auto& [parent, key] = open_.back();
    if (parent->is_array()) return &parent->emplace_back(std::forward<Value>(value));
    Json& place = (*parent)[key];
    clear_json(place);  // what an earlier member of that name was
    return &(place = std::forward<Value>(value));
  }

  bool open(Json value) {
    if (open_.size() == json_depth_max) return refuse(fmt::format("is nested deeper than {}", json_depth_max));
    Json* const added = add(std::move(value));
    if (added != nullptr) open_.push_back({added, {}});
    return added != nullptr;
  }

  bool close() {
    const Json& value = *open_.back().value;
    open_.pop_back();
    if (watch_.keep(open_.size(), value)) return true;
    if (open_.empty()) return refuse("is not what was expected");
    auto& [parent, key] = open_.back();
    if (parent->is_array()) {
      parent->erase(parent->size() - 1);
    } else {
      parent->erase(key);
    }
    return true;
  }

  bool refuse(std::string fault) {
    document_.fault = std::move(fault);
    return false;
  }

  JsonDocument& document_;
  const std::size_t values_max_;
  JsonWatch& watch_;
  std::size_t values_ = 0;
  std::vector<Open> open_;
};

}  // namespace

// From the leaves on. Not deep: see json_depth_max.
// NOLINTNEXTLINE(misc-no-recursion)
void clear_json(nlohmann::json& value) noexcept {
  if (value.is_structured()) {
    for (auto& child : value) clear_json(child);
    value.clear();
  }
  value = nullptr;
}

JsonDocument parse_json(std::string_view text, std::size_t values_max, JsonWatch& watch) {
  JsonDocument document;
  JsonBuilder builder(document, values_max, watch);
  if (!nlohmann::json::sax_parse(text, &builder)) clear_json(document.value);
  return document;
}

JsonDocument parse_json(std::string_view text, std::size_t values_max) {
  JsonWatch nobody;
  return parse_json(text, values_max, nobody);
}

}  // namespace bgem3
