#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bgem3/batching_embedder.h"
#include "server/failure.h"
#include "server/http/held_bytes.h"
#include "server/http/message.h"

namespace bgem3::server {

/// What was done for a request that got what it wished.
struct Work {
  std::size_t texts = 0;
  std::size_t tokens = 0;  ///< 0: nothing to speak of
  RequestTimes times;
};

/// A request on its way to the one response: who asked, until when that is of use, and what it took.
class Exchange {
 public:
  /// Gets the response with all its headers.
  using OnResponse = std::function<void(Response, const Exchange&)>;

  /// @param errors  how the clients of the route read errors
  Exchange(std::shared_ptr<Request> request, std::string route, ErrorForm errors, std::chrono::milliseconds timeout,
           OnResponse on_response);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  /// Of one that nobody responded to the client gets to know, too: 500.
  ~Exchange();

  [[nodiscard]] const Request& request() const noexcept { return *request_; }
  [[nodiscard]] const std::string& route() const noexcept { return route_; }
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  /// x-ms-client-request-id, as Azure ML's clients send it; may be empty.
  [[nodiscard]] const std::string& client_id() const noexcept { return client_id_; }
  [[nodiscard]] const std::string& trace_id() const noexcept { return trace_id_; }
  [[nodiscard]] Clock::time_point deadline() const noexcept { return deadline_; }
  [[nodiscard]] std::stop_token unwanted() const { return request_->unwanted.get_token(); }

  /// The first of these counts. Any thread. Without the memory for a response a smaller one is tried, an error; without
  /// that for the latter either, the connection ends.
  void respond(Response response, const Work& work = {}) noexcept;
  void fail(const std::exception_ptr& error) noexcept;
  void fail_late() noexcept;

  /// Runs a step on the way to the response; what it throws is the response.
  template <typename Step>
  void attempt(Step&& step) noexcept {
    try {
      std::forward<Step>(step)();
    } catch (...) {
      fail(std::current_exception());
    }
  }

  /// Unpacks a body that has a Content-Encoding. `all` counts what came out for as long as the exchange lives.
  /// @throws Failure as inflate_body()
  void inflate_request(std::uint64_t bytes_max, HeldBytes& all);

  /// Has a response go out packed as the request accepts it, see compress(). On the thread that responds.
  void compress_response() noexcept { compresses_ = true; }

  /// Destroyed with the exchange; for what ends with it, such as the timer of its deadline. Not at the same time as
  /// another call.
  void keep(std::shared_ptr<void> companion) { companions_.push_back(std::move(companion)); }

  /// For how long it waited for its turn; counts as time in the queue. To be called before respond().
  void set_wait(std::chrono::nanoseconds wait) { wait_ = wait; }

  /// Of one that has its response; for the log.
  [[nodiscard]] const Work& work() const noexcept { return work_; }
  [[nodiscard]] const std::string& error_code() const noexcept { return error_code_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  [[nodiscard]] bool is_late() const noexcept { return error_code_ == "deadline_exceeded"; }

 private:
  void send(Response response);
  void send_error(const std::exception_ptr& error) noexcept;
  void note(const std::exception_ptr& error);
  void add_headers(Response& response) const;

  const std::shared_ptr<Request> request_;
  const std::string route_;
  const std::string id_;
  const std::string client_id_;
  const std::string trace_id_;
  const ErrorForm errors_;
  const Clock::time_point deadline_;
  const OnResponse on_response_;
  std::vector<std::shared_ptr<void>> companions_;
  std::optional<HeldBytes::Share> inflated_;
  bool compresses_ = false;
  std::atomic<bool> has_responded_ = false;

  std::chrono::nanoseconds wait_{};
  Work work_;
  std::string error_code_;
  std::string error_;
};

}  // namespace bgem3::server
