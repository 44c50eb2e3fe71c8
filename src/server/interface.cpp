#include "server/interface.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <nlohmann/json.hpp>

#include "bgem3/version.h"
#include "server/pages_data.h"  // made of pages/ by CMake

namespace bgem3::server {
namespace {

using nlohmann::ordered_json;

struct CommonError {
  const char* status;
  const char* description;
  bool has_body;  // of routes that read one alone
};

// What every route may respond with that needs a key and a model.
constexpr std::array common_errors = {
    CommonError{"400", "The body is not JSON in UTF-8, or not what its Content-Encoding says", true},
    CommonError{"401", "No valid key", false},
    CommonError{"406", "Neither this form of answer nor its Content-Encoding is accepted", true},
    CommonError{"408", "The deadline passed", true},
    CommonError{"413", "Too much in one request, or its answer would be too large", true},
    CommonError{"415", "The Content-Encoding of the body is none that is known", true},
    CommonError{"422", "A field is missing, not known, of the wrong type or out of range", true},
    CommonError{"429", "Too many requests wait", true},
    CommonError{"500", "A defect", true},
    CommonError{"503", "Not ready, or out of memory", false},
};

ordered_json error_response(const char* description, ErrorForm form) {
  const char* schema = form == ErrorForm::with_text ? "ErrorText" : "Error";
  return {{"description", description},
          {"content", {{"application/json", {{"schema", {{"$ref", std::string("#/components/schemas/") + schema}}}}}}}};
}

// The names in braces of a path.
void add_parameters(ordered_json& operation, std::string_view path, const std::string& model) {
  const auto open = path.find('{');
  if (open == std::string_view::npos) return;
  const std::string name(path.substr(open + 1, path.find('}') - open - 1));
  operation["parameters"] = {{{"name", name},
                              {"in", "path"},
                              {"required", true},
                              {"schema", {{"$ref", "#/components/schemas/Name"}}},
                              {"example", model}}};
}

// What is the same for all routes of a kind, and stands here alone.
void complete(ordered_json& operation, const Route& route, const std::string& model) {
  add_parameters(operation, route.path, model);
  if (route.kind != RouteKind::model && route.kind != RouteKind::compute) return;
  operation["security"] = {{{"bearer", ordered_json::array()}},
                           {{"api-key", ordered_json::array()}},
                           {{"x-api-key", ordered_json::array()}}};
  for (const auto& error : common_errors) {
    if (error.has_body && route.kind == RouteKind::model) continue;
    operation["responses"][error.status] = error_response(error.description, error_form(route.path));
  }
}

// Of all files of pages/openapi.
ordered_json described_paths() {
  ordered_json all = ordered_json::object();
  for (const auto& part : ordered_json::parse(openapi_paths_json)) {
    for (const auto& [path, item] : part.items()) all[path].update(item);
  }
  return all;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

void set_limits(ordered_json& schemas, const ServerOptions& options, const Models* models) {
  schemas["Texts"]["oneOf"][1]["maxItems"] = options.texts_max;
  for (const char* name : {"Documents", "Pairs", "Sentences", "IdLists", "Instances"})
    schemas[name]["maxItems"] = options.texts_max;
  if (models == nullptr) return;
  schemas["Dimensions"]["maximum"] = models->about.dimension;
  schemas["TopK"]["maximum"] = models->tokenizer.vocabulary_size();
  schemas["DimensionsOrAll"]["maximum"] = models->about.dimension;
  schemas["Id"]["maximum"] = models->tokenizer.vocabulary_size() - 1;
  schemas["MaxTokens"]["anyOf"][2]["maximum"] = models->about.max_length;
}

}  // namespace

std::string describe_interface(const ServerOptions& options, const Router& router, const Models* models) {
  auto document = ordered_json::parse(openapi_json);
  document["info"]["version"] = BGEM3_VERSION_STRING;
  ordered_json described = described_paths();
  const std::string model = models == nullptr ? "bge-m3" : models->about.id;
  described["/api/show"]["post"]["requestBody"]["content"]["application/json"]["example"]["model"] = model;
  for (const auto& route : router.routes()) {
    if (route.kind == RouteKind::page) continue;
    if (route.kind == RouteKind::metrics && options.metrics_port) continue;  // it has a port of its own
    const std::string method = lower(route.method);
    ordered_json operation = described.at(route.same_as.empty() ? route.path : route.same_as).at(method);
    complete(operation, route, model);
    document["paths"][route.path][method] = std::move(operation);
  }
  set_limits(document["components"]["schemas"], options, models);
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace bgem3::server
