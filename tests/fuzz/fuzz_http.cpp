// A connection of the server, in which a client sends requests in pieces. The first byte of an input chooses how, the
// next seven where it is cut; the rest is what is sent, or chooses well-formed requests, of which nothing may be lost.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/http/choices.h"
#include "fuzz/http/client.h"
#include "fuzz/http/plain_request.h"
#include "fuzz/http/responses.h"
#include "fuzz/http/strict_reader.h"
#include "fuzz/http/valid_requests.h"
#include "server/http/session.h"

namespace bgem3::fuzz {
namespace {

using server::Request;
using server::Respond;
using server::Response;

// Remembers what it was asked.
class Handler final : public server::HttpHandler {
 public:
  explicit Handler(bool is_late) : is_late_(is_late) {}

  std::optional<Response> refuse(const Request& head) override {
    check_is_open();
    if (!is_unwelcome(head.path)) return std::nullopt;
    return make(404, head, "not here");
  }

  [[nodiscard]] bool is_probe(const Request& /*head*/) const override { return false; }

  void handle(std::shared_ptr<Request> request, Respond respond) override {
    check_is_open();
    handled_.push_back({request->method, request->path, request->body});
    answered_.push_back(last_number_ + 1);
    Response response = make(200, *request, request->method + " " + request->path);
    if (!is_late_) return respond(std::move(response));
    waiting_ = [respond = std::move(respond), response = std::move(response)] { respond(response); };
  }

  Response describe_failure(const Request& head, unsigned status, const std::string& message) override {
    check_is_open();
    is_closed_ = true;
    if (status != 400 && status != 413 && status != 501) fail("a failure that nothing here can cause");
    return make(status, head, message);
  }

  void connection_failed(const char* /*what*/) noexcept override { fail("an exception ended a connection"); }

  /// Gives the answer that was put off; false when there is none.
  bool answer() {
    const auto answer = std::exchange(waiting_, nullptr);
    if (answer) answer();
    return static_cast<bool>(answer);
  }

  [[nodiscard]] const std::vector<PlainRequest>& handled() const noexcept { return handled_; }
  /// The numbers of the answers to those.
  [[nodiscard]] const std::vector<std::size_t>& answered() const noexcept { return answered_; }

 private:
  // After a failure the connection ends.
  void check_is_open() const {
    if (is_closed_) fail("something is asked after a failure");
  }

  Response make(unsigned status, const Request& head, std::string body) {
    Response response{.status = status, .content_type = "text/plain", .body = std::move(body), .headers = {}};
    response.headers.emplace_back(number_field, std::to_string(++last_number_));
    if (head.method == "HEAD") response.headers.emplace_back(bare_field, "yes");
    return response;
  }

  const bool is_late_;
  bool is_closed_ = false;
  std::size_t last_number_ = 0;
  std::vector<PlainRequest> handled_;
  std::vector<std::size_t> answered_;
  std::function<void()> waiting_;
};

struct Way {
  explicit Way(Choices& choices) {
    const auto flags = choices.below(256);
    are_valid = (flags & 1) != 0;
    is_late = (flags & 2) != 0;
    is_abrupt = (flags & 4) != 0;
    for (auto& size : pieces) size = choices.below(256);
  }

  bool are_valid = false;  // requests, made here
  bool is_late = false;    // the answer: comes when the next piece has been sent
  bool is_abrupt = false;  // the end of the client, who reads nothing after it
  std::array<std::size_t, 7> pieces{};
};

// As many pieces as one run has time for; 0: all that is left.
void send_in_pieces(Client& client, Handler& handler, std::string_view bytes, const Way& way) {
  constexpr std::size_t pieces_max = 32;
  for (std::size_t i = 0; i < pieces_max && !bytes.empty(); ++i) {
    const auto size = i + 1 == pieces_max ? 0 : way.pieces[i % way.pieces.size()];
    const auto piece = bytes.substr(0, size == 0 ? bytes.size() : size);
    bytes.remove_prefix(piece.size());
    client.send(piece);
    handler.answer();
    client.run();
  }
}

const server::HttpOptions& options() {
  static const server::HttpOptions all = [] {
    server::HttpOptions wanted;
    wanted.body_bytes_max = 2048;
    // Nothing here takes time, so nothing may run out of it.
    wanted.read_timeout = wanted.idle_timeout = std::chrono::hours(1);
    return wanted;
  }();
  return all;
}

// Returns what the server sent.
std::string converse(std::string_view bytes, const Way& way, Handler& handler) {
  server::Traffic traffic{server::HeldBytes(1 << 30), server::HeldBytes(1 << 30)};
  Client client;
  std::weak_ptr<server::Connection> session;
  {
    const auto started = std::make_shared<server::Session<boost::asio::ip::tcp::socket>>(
        client.take_socket(), options(), handler, traffic, false);
    session = started;
    started->start();
  }
  send_in_pieces(client, handler, bytes, way);
  way.is_abrupt ? client.close() : client.end_sending();
  while (handler.answer()) client.run();
  if (!way.is_abrupt && !client.has_ended()) fail("the server does not end the connection");
  if (!session.expired()) fail("the connection outlives its end");
  return client.received();
}

void check_answers(const std::vector<PlainResponse>& responses, const Handler& handler) {
  std::size_t last = 0;
  auto expected = handler.answered().begin();
  for (const auto& response : responses) {
    if (response.number <= last) fail("responses are not in the order of their requests");
    last = response.number;
    if (expected != handler.answered().end() && *expected == last) ++expected;
  }
  if (expected != handler.answered().end()) fail("a request was handled, but not answered");
}

std::vector<PlainRequest> without_unwelcome(std::vector<PlainRequest> requests) {
  std::erase_if(requests, [](const PlainRequest& request) { return is_unwelcome(request.path); });
  return requests;
}

bool is_beginning(const std::vector<PlainRequest>& some, const std::vector<PlainRequest>& all) {
  return some.size() <= all.size() && std::equal(some.begin(), some.end(), all.begin());
}

void run_valid(Choices& choices, const Way& way) {
  const ValidRequests requests = RequestWriter(choices).write();
  if (read_strictly(requests.bytes) != requests.sent) fail("the harness contradicts itself");
  Handler handler(way.is_late);
  const std::string received = converse(requests.bytes, way, handler);
  if (way.is_abrupt) {
    if (!is_beginning(handler.handled(), requests.wanted)) fail("a request arrived as another");
    return;
  }
  if (handler.handled() != requests.wanted) fail("requests got lost, or arrived as others");
  check_answers(ResponseReader(received).read(), handler);
}

void run_any(std::string_view bytes, const Way& way) {
  Handler handler(way.is_late);
  const std::string received = converse(bytes, way, handler);
  const auto expected = without_unwelcome(read_strictly(bytes));
  if (!is_beginning(handler.handled(), expected)) fail("something was handled that is no request");
  if (way.is_abrupt) return;
  const auto responses = ResponseReader(received).read();
  check_answers(responses, handler);
  const bool is_refused = !responses.empty() && responses.back().is_last;
  if (handler.handled().size() < expected.size() && !is_refused) fail("a request was passed over");
}

}  // namespace
}  // namespace bgem3::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bgem3::fuzz::Choices choices({reinterpret_cast<const char*>(data), size});
  const bgem3::fuzz::Way way(choices);
  way.are_valid ? bgem3::fuzz::run_valid(choices, way) : bgem3::fuzz::run_any(choices.rest(), way);
  return 0;
}
