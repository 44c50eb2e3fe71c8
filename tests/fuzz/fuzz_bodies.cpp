// Any bytes as the body of a request: the first chooses the route, and whether the answer should be raw numbers.

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

#include "server/router.h"
#include "support/stub_models.h"
#include "support/tiny_tokenizer.h"

namespace bgem3::fuzz {
namespace {

using nlohmann::json;
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
  options.answer_bytes_max = 256 << 10;
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

std::vector<Route> computing_routes() {
  std::vector<Route> found;
  std::ranges::copy_if(server::routes(), std::back_inserter(found),
                       [](const Route& route) { return route.kind == RouteKind::compute; });
  return found;
}

struct World {
  const server::ServerOptions options = make_options();
  const server::Models models = load(options);
  const std::vector<Route> routes = computing_routes();
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
        std::move(request), std::string(route.path), world().options.request_timeout,
        [&](Response response, const Exchange& /*done*/) { promise.set_value(std::move(response)); });
    try {
      route.handler(world().services, exchange);
    } catch (...) {
      exchange->fail(std::current_exception());
    }
  }
  return answer.get();
}

// Of a body that was accepted.
std::size_t count_texts(const std::string& body) {
  const auto parsed = json::parse(body);
  const json* texts = &parsed;
  for (const char* name : {"texts", "inputs", "input"}) {
    if (parsed.is_object() && parsed.contains(name) && !parsed[name].is_null()) texts = &parsed[name];
  }
  return texts->is_string() ? 1 : texts->size();
}

void check_error(const Response& response) {
  constexpr std::array allowed = {400U, 413U, 422U};
  if (std::ranges::find(allowed, response.status) == allowed.end()) fail("neither an answer nor a fault", response);
  const auto parsed = json::parse(response.body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("error")) fail("an error without its members", response);
  for (const char* member : {"message", "type", "code"}) {
    const auto& error = parsed["error"];
    if (!error.contains(member) || !error[member].is_string()) fail("an error without its members", response);
  }
}

std::size_t count_raw_rows(const Response& response) {
  std::size_t rows = 0, columns = 0, bytes = 0;
  for (const auto& [name, value] : response.headers) {
    if (name == "x-shape" && std::sscanf(value.c_str(), "%zu,%zu", &rows, &columns) != 2) fail("no shape", response);
    if (name == "x-dtype") bytes = value == "float16" ? 2 : 4;
  }
  if (rows * columns * bytes != response.body.size()) fail("another number of bytes than the shape says", response);
  return rows;
}

std::size_t count_rows(const Response& response) {
  if (response.content_type == "application/octet-stream") return count_raw_rows(response);
  const auto parsed = json::parse(response.body, nullptr, false);
  const auto& rows = parsed.is_object() && parsed.contains("data") ? parsed["data"] : parsed;
  if (!rows.is_array()) fail("an answer that is no list", response);
  return rows.size();
}

void run(std::uint8_t choice, std::string_view body) {
  const auto& all = world().routes;
  const Route& route = all[choice % 16 % all.size()];
  const auto request = std::make_shared<Request>();
  request->method = route.method;
  request->path = route.path;
  request->body = body;
  if ((choice & 64) != 0) request->headers.emplace_back("Accept", "application/octet-stream");
  if ((choice & 128) != 0) request->headers.emplace_back("Accept", "application/octet-stream; dtype=float16");
  const Response response = answer_of(route, request);
  if (response.status != 200) return check_error(response);
  if (count_rows(response) != count_texts(request->body)) fail("another number of vectors than of texts", response);
}

}  // namespace
}  // namespace bgem3::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) bgem3::fuzz::run(data[0], {reinterpret_cast<const char*>(data + 1), size - 1});
  return 0;
}
