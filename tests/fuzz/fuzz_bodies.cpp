// Any bytes as the body of a request: the first chooses the route, by its low six bits, and whether the answer should
// be raw numbers.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "fuzz/body_counts.h"
#include "server/router.h"
#include "support/stub_models.h"
#include "support/tiny_tokenizer.h"
#include "text/surrogates.h"

namespace bgem3::fuzz {
namespace {

using server::Exchange;
using server::Request;
using server::Response;
using server::Route;
using server::RouteKind;

[[noreturn]] void fail(const char* what, const Response& response) {
  std::fprintf(stderr, "%s: status %u, %s\n", what, response.status, response.body.c_str());
  std::abort();
}

server::ServerOptions make_options() {
  server::ServerOptions options;
  options.max_length = 64;
  options.batch_wait = std::chrono::milliseconds(0);
  options.batch_tokens = 4096;
  options.texts_max = 32;
  options.response_bytes_max = 256 << 10;
  options.request_timeout = std::chrono::hours(1);
  return options;
}

// The stub with the smallest of tokenizers, whose words cannot ask for delays and failures.
server::Models load(server::ServerOptions options) {
  const auto directory = std::filesystem::temp_directory_path() / ("bgem3-fuzz-bodies-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "sentencepiece.bpe.model", std::ios::binary) << test::TinyModel().bytes();
  options.model = directory;
  auto models = test::load_stub_models(options, [](server::ModelRole, const BatchReport&) {});
  std::filesystem::remove_all(directory);
  return models;
}

// Those that take a body, each at one of its addresses.
std::vector<Route> body_routes(const server::ServerOptions& options) {
  const server::Router router(options);
  std::vector<Route> found;
  std::ranges::copy_if(router.routes(), std::back_inserter(found),
                       [](const Route& route) { return route.kind == RouteKind::compute && route.same_as.empty(); });
  return found;
}

struct World {
  const server::ServerOptions options = make_options();
  const server::Models models = load(options);
  const std::vector<Route> routes = body_routes(options);
  const server::Services services{options, models, [](const std::function<void()>& task) { task(); }};
};

// Never destroyed: the fuzzer leaves main() in ways of its own, and threads of the queue would be joined on its way.
const World& world() {
  static const auto& made = *new World;
  return made;
}

Response answer_of(const Route& route, std::shared_ptr<Request> request) {
  std::promise<Response> promise;
  auto answer = promise.get_future();
  {
    const auto exchange = std::make_shared<Exchange>(
        std::move(request), route.path, server::error_form(route.path), world().options.request_timeout,
        [&](Response response, const Exchange& /*done*/) { promise.set_value(std::move(response)); });
    try {
      route.handler(world().services, exchange);
    } catch (...) {
      exchange->fail(std::current_exception());
    }
  }
  return answer.get();
}

bool may_have(const Route& route, unsigned status, bool is_raw) {
  constexpr std::array faults = {400U, 413U, 422U};
  if (status == 404) return route.path == "/api/show";  // of another model
  return status == 406 ? is_raw : std::ranges::find(faults, status) != faults.end();
}

void check_error(const Route& route, const Response& response, bool is_raw) {
  if (!may_have(route, response.status, is_raw)) fail("neither an answer nor a fault", response);
  const auto parsed = json::parse(response.body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("error")) fail("an error without its members", response);
  const auto& error = parsed["error"];
  if (server::error_form(route.path) == server::ErrorForm::with_text) {
    if (!error.is_string()) fail("an error that is no text", response);
    return;
  }
  for (const char* member : {"message", "type", "code"}) {
    if (!error.contains(member) || !error[member].is_string()) fail("an error without its members", response);
  }
}

std::size_t bytes_of(const std::string& element) {
  if (element == "float32") return 4;
  return element == "float16" ? 2 : 1;
}

std::size_t count_raw_rows(const Response& response) {
  std::size_t rows = 0, columns = 0, bytes = 0;
  for (const auto& [name, value] : response.headers) {
    if (name == "x-shape" && std::sscanf(value.c_str(), "%zu,%zu", &rows, &columns) != 2) fail("no shape", response);
    if (name == "x-dtype") bytes = bytes_of(value);
  }
  if (rows * columns * bytes != response.body.size()) fail("another number of bytes than the shape says", response);
  return rows;
}

std::size_t count_rows(const Response& response) {
  if (response.content_type == "application/octet-stream") return count_raw_rows(response);
  const auto parsed = json::parse(response.body, nullptr, false);
  if (!parsed.is_array() && !parsed.is_object()) fail("an answer that is no JSON", response);
  return count_found(parsed);
}

void run(std::uint8_t choice, std::string_view body) {
  const auto& all = world().routes;
  const Route& route = all[choice % 64 % all.size()];
  const auto request = std::make_shared<Request>();
  request->method = route.method;
  request->path = route.path;
  request->body = body;
  if ((choice & 64) != 0) request->headers.emplace_back("Accept", "application/octet-stream");
  if ((choice & 128) != 0) request->headers.emplace_back("Accept", "application/octet-stream; dtype=float16");
  const Response response = answer_of(route, request);
  if (response.status != 200) return check_error(route, response, (choice & 192) != 0);
  const auto parsed = json::parse(MendedJson(request->body).text());
  if (count_rows(response) != count_expected(route.path, parsed)) {
    fail("another number of vectors than of texts", response);
  }
}

}  // namespace
}  // namespace bgem3::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) bgem3::fuzz::run(data[0], {reinterpret_cast<const char*>(data + 1), size - 1});
  return 0;
}
