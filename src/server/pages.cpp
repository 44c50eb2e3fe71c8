#include "server/pages.h"

#include <nlohmann/json.hpp>

#include "bgem3/version.h"
#include "server/pages_data.h"  // made of pages/ by CMake

namespace bgem3::server {

std::string describe_interface(const ServerOptions& options, const Models* models) {
  auto document = nlohmann::ordered_json::parse(openapi_json);
  document["info"]["version"] = BGEM3_VERSION_STRING;
  if (options.metrics_port) document["paths"].erase("/metrics");  // it has a port of its own
  auto& schemas = document["components"]["schemas"];
  schemas["Texts"]["oneOf"][1]["maxItems"] = options.texts_max;
  if (models != nullptr) {
    schemas["Dimensions"]["maximum"] = models->about.dimension;
    schemas["TopK"]["maximum"] = models->tokenizer.vocabulary_size();
  }
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Response page(std::string_view path, const std::string& openapi) {
  Response response;
  if (path == "/openapi.json") {
    response.body = openapi;
  } else {
    response.body = docs_html;
    response.content_type = "text/html; charset=utf-8";
    // The page needs nothing but itself and this server.
    response.headers.emplace_back("Content-Security-Policy",
                                  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                                  "connect-src 'self'");
  }
  return response;
}

}  // namespace bgem3::server
