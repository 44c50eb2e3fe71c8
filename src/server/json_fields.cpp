#include "server/json_fields.h"

#include <nlohmann/json.hpp>

#include "bgem3/detail/message.h"

namespace bgem3::server {

std::string json_string(std::string_view text) {
  return detail::printable(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

JsonFields::Field::Field(std::string_view field_name, std::string_view text)
    : name(field_name), json(json_string(text)) {}

JsonFields::Field::Field(std::string_view field_name, const std::vector<std::string>& texts) : name(field_name) {
  for (const auto& text : texts) json += (json.empty() ? "" : ",") + json_string(text);
  json = '[' + json + ']';
}

JsonFields::JsonFields(std::initializer_list<Field> fields) {
  for (const auto& field : fields) add(field);
}

JsonFields& JsonFields::add(const Field& field) {
  if (!fields_.empty()) fields_ += ',';
  fields_ += json_string(field.name);
  fields_ += ':';
  fields_ += field.json;
  return *this;
}

}  // namespace bgem3::server
