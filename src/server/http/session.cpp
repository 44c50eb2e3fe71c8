#include "server/http/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <type_traits>

#include <boost/asio/post.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/version.hpp>

#include "bgem3/version.h"
#include "server/http/head.h"

namespace bgem3::server {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t head_bytes_max = 16 * 1024;  // also of the line before a chunk, and of a trailer
constexpr std::size_t body_bytes_at_once = 64 * 1024;
constexpr std::uint64_t bytes_per_ms_min = 1024;           // large bodies and responses may take as much longer
constexpr std::uint64_t unwanted_bytes_max = 64 * 1024;    // of a refused body that is read to keep the connection
constexpr std::uint64_t small_response_bytes = 64 * 1024;  // are sent in any case: errors, and what probes ask for
constexpr unsigned no_content = 204;                       // has neither a body nor its length
constexpr auto last_request_wait = 500ms;                  // while the server stops, or has too many connections
constexpr auto linger_time = 5000ms;
constexpr auto write_time = 60s;
constexpr auto half_close_time = 100ms;
constexpr auto cancel_interval = 50ms;

template <typename Body>
http::response<Body> head_of(const Response& response, unsigned version, bool keep_alive) {
  http::response<Body> message;
  message.version(version);
  message.result(response.status);
  message.set(http::field::server, "bgem3/" BGEM3_VERSION_STRING);
  if (!response.content_type.empty()) message.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  if (response.status != no_content) message.content_length(response.body.size());
  return message;
}

enum class Client { there, silent, gone };

// What the readable end of a connection tells: there is more to read, nothing will come any more, or it broke.
Client look_at(int descriptor) {
  char byte = 0;
  const auto received = ::recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (received == 0) return Client::silent;
  return received < 0 && errno != EAGAIN && errno != EINTR ? Client::gone : Client::there;
}

}  // namespace

template <typename Stream>
Session<Stream>::Session(Stream stream, const HttpOptions& options, HttpHandler& handler, Traffic& traffic,
                         bool for_probes)
    : stream_(std::move(stream)),
      options_(options),
      handler_(handler),
      timer_(stream_.get_executor()),
      body_bytes_(traffic.bodies),
      response_bytes_(traffic.responses),
      for_probes_(for_probes),
      check_chunk_([this](auto size, auto extensions, auto& error) { check_chunk(size, extensions, error); }) {}

template <typename Stream>
void Session<Stream>::start() {
  beast::error_code ignored;
  socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  shake_hands();
}

template <typename Stream>
void Session<Stream>::shake_hands() {
  if constexpr (std::is_same_v<Stream, TlsStream>) {
    expire_after(options_.read_timeout);
    stream_.async_handshake(asio::ssl::stream_base::server, [self = self()](beast::error_code error) {
      if (!error && !self->timed_out_) self->wait_for_request();
    });
  } else {
    wait_for_request();
  }
}

// A request that is already in the buffer was sent before the response to the last.
template <typename Stream>
void Session<Stream>::wait_for_request() {
  if (buffer_.size() > 0) return read_head();
  is_idle_ = true;
  buffer_.shrink_to_fit();
  const auto wait = is_first_ ? options_.read_timeout : options_.idle_timeout;
  expire_after(shutting_down_ || for_probes_ ? std::min<std::chrono::milliseconds>(last_request_wait, wait) : wait);
  stream_.async_read_some(buffer_.prepare(head_bytes_max), [self = self()](beast::error_code error, std::size_t size) {
    if (error || self->timed_out_) return self->close();
    self->is_idle_ = false;
    self->buffer_.commit(size);
    self->read_head();
  });
}

template <typename Stream>
void Session<Stream>::read_head() {
  parser_.emplace();
  parser_->header_limit(head_bytes_max);
  parser_->on_chunk_header(check_chunk_);
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());  // is judged when the head is read
  request_ = std::make_shared<Request>();
  refusal_.reset();
  is_first_ = false;
  expire_after(options_.read_timeout);
  parse_head();
}

template <typename Stream>
void Session<Stream>::parse_head() {
  if (has_folded_line({static_cast<const char*>(buffer_.data().data()), buffer_.size()})) {
    return fail(400, "a line of the head goes on in the next one");
  }
  if (const auto error = parse()) return read_failed(error);
  parser_->is_header_done() ? head_is_read() : read_some(head_bytes_max, &Session::parse_head);
}

template <typename Stream>
void Session<Stream>::head_is_read() {
  request_ = to_request(parser_->get());
  keep_alive_ = parser_->keep_alive();  // now: Beast adds the fields of a trailer to those of the head
  if (const auto fault = check_head(parser_->get())) return fail(fault->status, fault->message);
  if (for_probes_ && !handler_.is_probe(*request_)) return fail(503, "all connections are taken; try again later");
  const std::uint64_t size = parser_->content_length().value_or(0);
  if (size > options_.body_bytes_max) return read_failed(http::error::body_limit);
  const bool has_body = size > 0 || parser_->chunked();
  const bool is_asking = has_body && parser_->get().version() == 11 &&
                         beast::iequals(std::string(request_->header("Expect")), "100-continue");
  refusal_ = handler_.refuse(*request_);
  if (refusal_ && (is_asking || parser_->chunked() || size > unwanted_bytes_max)) {
    return write(std::move(*refusal_), false);
  }
  parser_->body_limit(options_.body_bytes_max);
  is_asking ? send_continue() : read_body();
}

template <typename Stream>
void Session<Stream>::send_continue() {
  const auto message =
      std::make_shared<http::response<http::empty_body>>(http::status::continue_, parser_->get().version());
  http::async_write(stream_, *message, [self = self(), message](beast::error_code error, std::size_t) {
    if (error || self->timed_out_) return self->close();
    self->read_body();
  });
}

template <typename Stream>
void Session<Stream>::read_body() {
  const auto size = parser_->content_length().value_or(0);
  expire_after(options_.read_timeout + std::chrono::milliseconds(size / bytes_per_ms_min));
  parser_->eager(true);
  parse_body();
}

template <typename Stream>
void Session<Stream>::parse_body() {
  if (const auto error = parse()) return read_failed(error);
  if (!body_bytes_.resize(parser_->get().body().size())) {
    return fail(429, "the bodies of all requests together are too large; try again later");
  }
  parser_->is_done() ? body_is_read() : read_some(body_bytes_at_once, &Session::parse_body);
}

// Each read that is complete is looked at here: a timer that ran out while its handler was on its way had nothing to
// cancel.
template <typename Stream>
void Session<Stream>::read_some(std::size_t bytes, void (Session::*next)()) {
  stream_.async_read_some(buffer_.prepare(bytes), [self = self(), next](beast::error_code error, std::size_t size) {
    if (error || self->timed_out_) return self->read_failed(error);
    self->buffer_.commit(size);
    ((*self).*next)();
  });
}

// Takes what is in the buffer, up to the end of the head or of the request. What stays there waits for its other half:
// a head, or the line before a chunk, or what comes after the last.
template <typename Stream>
beast::error_code Session<Stream>::parse() {
  beast::error_code error;
  const bool in_head = !parser_->is_header_done();
  while (!error && buffer_.size() > 0 && !parser_->is_done() && parser_->is_header_done() != in_head) {
    buffer_.consume(parser_->put(buffer_.data(), error));
  }
  if (error != http::error::need_more) return error;
  return buffer_.size() < head_bytes_max ? beast::error_code() : http::error::header_limit;
}

// Called by the parser. It parses the line of the last chunk when the trailer has come to its end, in the same bytes.
template <typename Stream>
void Session<Stream>::check_chunk(std::uint64_t size, beast::string_view extensions, beast::error_code& error) {
  if (has_control_byte({extensions.data(), extensions.size()})) error = http::error::bad_chunk_extension;
  if (size > 0) return;
  const std::string_view received(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  const auto line_end = static_cast<std::size_t>(extensions.data() + extensions.size() - received.data());
  if (has_folded_line(received.substr(line_end + 2))) error = http::error::bad_value;
}

template <typename Stream>
void Session<Stream>::body_is_read() {
  stop_timer();
  if (refusal_) return respond(std::move(*refusal_));
  handle();
}

template <typename Stream>
void Session<Stream>::handle() {
  request_->body = std::move(parser_->get().body());
  handled_ = Clock::now();
  watch_client();
  auto respond = [self = self()](Response response) {
    asio::post(self->stream_.get_executor(), [self, response = std::move(response)]() mutable {
      beast::error_code ignored;
      self->socket().cancel(ignored);  // watch_client()
      self->respond(std::move(response));
    });
  };
  try {
    handler_.handle(request_, std::move(respond));
  } catch (...) {
    close();
    throw;
  }
}

// Nothing is read while a request is handled; but its work may stop when nobody waits for it. Only who has to
// respond keeps the connection: it ends when the response is lost.
template <typename Stream>
void Session<Stream>::watch_client() {
  socket().async_wait(asio::ip::tcp::socket::wait_read,
                      [weak = std::weak_ptr(self()), request = request_](beast::error_code error) {
                        const auto session = weak.lock();
                        if (error || !session) return;
                        const Client client = look_at(session->socket().native_handle());
                        if (client == Client::silent) session->notice_end_of_input(*request);
                        if (client == Client::gone) request->unwanted.request_stop();
                      });
}

// A client that closes its connection, and one that only has nothing more to send, look alike until something is sent
// to them. The latter says so with its request; the former leaves later, when it is tired of waiting.
template <typename Stream>
void Session<Stream>::notice_end_of_input(Request& request) {
  if (Clock::now() - handled_ > half_close_time) request.unwanted.request_stop();
}

template <typename Stream>
void Session<Stream>::respond(Response response) {
  write(std::move(response), keep_alive_ && !shutting_down_);
}

template <typename Stream>
void Session<Stream>::write(Response response, bool keep_alive) {
  if (!response_bytes_.resize(response.body.size()) && response.body.size() > small_response_bytes) {
    return fail(429, "the answers that are being sent are too large together; read them, or try again later");
  }
  const unsigned version = parser_->get().version() == 10 ? 10 : 11;
  expire_after(write_time + std::chrono::milliseconds(response.body.size() / bytes_per_ms_min));
  if (request_->method == "HEAD") return send(head_of<http::empty_body>(response, version, keep_alive));
  auto message = head_of<http::string_body>(response, version, keep_alive);
  message.body() = std::move(response.body);
  send(std::move(message));
}

template <typename Stream>
template <typename Body>
void Session<Stream>::send(http::response<Body> message) {
  const auto kept = std::make_shared<http::response<Body>>(std::move(message));
  http::async_write(stream_, *kept, [self = self(), kept](beast::error_code error, std::size_t) {
    self->written(error, kept->keep_alive());
  });
}

template <typename Stream>
void Session<Stream>::written(beast::error_code error, bool keep_alive) {
  if (error) return close();
  request_.reset();  // with its body, which would stay as long as the connection is idle
  parser_.reset();
  (void)body_bytes_.resize(0);
  (void)response_bytes_.resize(0);
  keep_alive ? wait_for_request() : linger();
}

template <typename Stream>
void Session<Stream>::read_failed(beast::error_code error) {
  if (timed_out_) return fail(408, "the request did not arrive in time");
  if (error == http::error::body_limit) {
    return fail(413, "the body is larger than " + std::to_string(options_.body_bytes_max) + " bytes");
  }
  if (error == http::error::header_limit) {
    return fail(400, "the head of the request is larger than " + std::to_string(head_bytes_max) + " bytes");
  }
  const bool is_malformed = error.category() == http::make_error_code(http::error::bad_method).category() &&
                            error != http::error::end_of_stream && error != http::error::partial_message;
  if (is_malformed) return fail(400, "not a request of HTTP/1.1: " + error.message());
  close();
}

template <typename Stream>
void Session<Stream>::fail(unsigned status, const std::string& message) {
  timed_out_ = false;
  write(handler_.describe_failure(*request_, status, message), false);
}

// A connection that is closed while the client still sends is reset, and the response lost: so let it finish.
template <typename Stream>
void Session<Stream>::linger() {
  expire_after(shutting_down_ || for_probes_ ? last_request_wait : linger_time);
  if constexpr (std::is_same_v<Stream, TlsStream>) {
    stream_.async_shutdown([self = self()](beast::error_code) { self->stop_sending(); });
  } else {
    stop_sending();
  }
}

template <typename Stream>
void Session<Stream>::stop_sending() {
  beast::error_code error;
  socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error || timed_out_) return close();
  discard();
}

template <typename Stream>
void Session<Stream>::discard() {
  buffer_.clear();
  socket().async_read_some(buffer_.prepare(head_bytes_max), [self = self()](beast::error_code error, std::size_t) {
    if (error || self->timed_out_) return self->close();
    self->discard();
  });
}

template <typename Stream>
void Session<Stream>::close() {
  stop_timer();
  beast::error_code ignored;
  socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket().close(ignored);
}

template <typename Stream>
void Session<Stream>::shut_down() {
  shutting_down_ = true;
  if (!is_idle_) return;
  try {
    expire_after(last_request_wait);
  } catch (...) {  // no memory to wait
    close();
  }
}

template <typename Stream>
void Session<Stream>::expire_after(std::chrono::milliseconds limit) {
  timed_out_ = false;
  timer_.expires_after(limit);
  wait_for_timer();
}

template <typename Stream>
void Session<Stream>::wait_for_timer() {
  timer_.async_wait([weak = std::weak_ptr(self())](beast::error_code error) {
    const auto session = weak.lock();
    // A timer that was set again while this call was on its way has not expired.
    if (error || !session || session->timer_.expiry() > Clock::now()) return;
    session->timed_out_ = true;
    beast::error_code ignored;
    session->socket().cancel(ignored);
    // TLS reads and writes more than once for one call, and may have been between the two.
    session->timer_.expires_after(cancel_interval);
    session->wait_for_timer();
  });
}

template <typename Stream>
void Session<Stream>::stop_timer() {
  timer_.expires_at(Clock::time_point::max());
  timed_out_ = false;
}

template class Session<asio::ip::tcp::socket>;
template class Session<TlsStream>;

}  // namespace bgem3::server
