#include "server/exchange.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include "server/codings.h"
#include "server/compress.h"
#include "server/inflate.h"

namespace bgem3::server {
namespace {

constexpr std::size_t id_size_max = 128;

// What a client sends is echoed in headers and written to the log: nothing but what is printable.
std::string printable(std::string_view text) {
  std::string result(text.substr(0, id_size_max));
  std::erase_if(result, [](unsigned char c) { return c < 0x20 || c > 0x7e; });
  return result;
}

std::string new_id() {
  thread_local boost::uuids::random_generator make;
  return boost::uuids::to_string(make());
}

std::string id_of(const Request& request) {
  std::string id = printable(request.header("x-request-id"));
  return id.empty() ? new_id() : id;
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// W3C Trace Context: "00-TRACE ID-PARENT ID-FLAGS". Of one that is malformed nothing is carried.
std::string trace_id_of(const Request& request) {
  const std::string_view parent = request.header("traceparent");
  if (parent.size() < 55 || parent[2] != '-' || parent[35] != '-' || parent[52] != '-') return {};
  const std::string_view trace = parent.substr(3, 32);
  if (!is_hex(trace) || !is_hex(parent.substr(36, 16)) || trace.find_first_not_of('0') == std::string_view::npos)
    return {};
  return std::string(trace);
}

// The client's own limit counts when it is the shorter one.
Clock::time_point deadline_of(const Request& request, std::chrono::milliseconds timeout) {
  const std::string_view given = request.header("x-request-timeout-ms");
  std::int64_t wanted = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), wanted);
  const bool is_number = error == std::errc() && end == given.data() + given.size() && wanted > 0;
  return request.received + (is_number ? std::min(timeout, std::chrono::milliseconds(wanted)) : timeout);
}

std::string milliseconds(std::chrono::nanoseconds time) {
  return fmt::format("{:.3f}", std::chrono::duration<double, std::milli>(time).count());
}

}  // namespace

Exchange::Exchange(std::shared_ptr<Request> request, std::string route, ErrorForm errors,
                   std::chrono::milliseconds timeout, OnResponse on_response)
    : request_(std::move(request)),
      route_(std::move(route)),
      id_(id_of(*request_)),
      client_id_(printable(request_->header("x-ms-client-request-id"))),
      trace_id_(trace_id_of(*request_)),
      errors_(errors),
      deadline_(deadline_of(*request_, timeout)),
      on_response_(std::move(on_response)) {}

Exchange::~Exchange() {
  if (!has_responded_) attempt([] { throw Failure(500, "internal", "the request was not answered"); });
  if (inflated_) request_->body = {};  // which the connection would keep until the response is sent
}

void Exchange::inflate_request(std::uint64_t bytes_max, HeldBytes& all) {
  const Coding coding = coding_of_body(*request_);
  if (coding == Coding::identity) return;
  request_->body = inflate_body(request_->body, coding, bytes_max, inflated_.emplace(all));
}

void Exchange::respond(Response response, const Work& work) noexcept {
  if (has_responded_.exchange(true)) return;
  work_ = work;
  work_.times.queue += wait_;
  try {
    send(std::move(response));
  } catch (...) {
    send_error(std::current_exception());
  }
}

void Exchange::fail(const std::exception_ptr& error) noexcept {
  if (!has_responded_.exchange(true)) send_error(error);
}

void Exchange::fail_late() noexcept {
  attempt([] {
    throw Error(ErrorCode::deadline_exceeded, "the deadline of the request passed before its answer was there");
  });
  request_->unwanted.request_stop();
}

// Of a response that is lost the connection tells: nobody keeps it any more.
void Exchange::send_error(const std::exception_ptr& error) noexcept {
  constexpr int tries_max = 3;  // memory may have run out for a moment
  work_ = {};
  for (int tries = 0; tries < tries_max; ++tries) {
    try {
      note(error);
      return send(to_response(to_failure(error), errors_));
    } catch (...) {  // once more
    }
  }
}

// For the log.
void Exchange::note(const std::exception_ptr& error) {
  error_code_ = to_failure(error).code();
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    error_ = thrown.what();
  } catch (...) {
    error_ = "not a std::exception";
  }
}

void Exchange::send(Response response) {
  if (compresses_) compress(response, *request_, deadline_);
  add_headers(response);
  on_response_(std::move(response), *this);
}

void Exchange::add_headers(Response& response) const {
  auto& headers = response.headers;
  headers.emplace_back("x-request-id", id_);
  if (!client_id_.empty()) headers.emplace_back("x-ms-client-request-id", client_id_);
  if (!trace_id_.empty()) headers.emplace_back("traceparent", printable(request_->header("traceparent")));
  const auto total = milliseconds(Clock::now() - request_->received);
  headers.emplace_back("x-total-time", total);
  if (work_.tokens == 0) return;
  const RequestTimes& times = work_.times;
  headers.emplace_back("x-tokenization-time", milliseconds(times.tokenize));
  headers.emplace_back("x-queue-time", milliseconds(times.queue));
  headers.emplace_back("x-inference-time", milliseconds(times.compute));
  headers.emplace_back("x-compute-tokens", std::to_string(work_.tokens));
  headers.emplace_back("Server-Timing", fmt::format("tokenize;dur={}, queue;dur={}, compute;dur={}, total;dur={}",
                                                    milliseconds(times.tokenize), milliseconds(times.queue),
                                                    milliseconds(times.compute), total));
}

}  // namespace bgem3::server
