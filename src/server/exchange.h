#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "bgem3/batching_embedder.h"
#include "server/failure.h"
#include "server/http/message.h"

namespace bgem3::server {

/// A request on its way to the one response: who asked, until when the answer is of use, and what it took.
class Exchange {
 public:
  /// Gets the response with all its headers.
  using Finish = std::function<void(Response, const Exchange&)>;

  Exchange(std::shared_ptr<Request> request, std::string route, std::chrono::milliseconds timeout, Finish finish);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  /// An exchange that nobody answered is a defect: 500.
  ~Exchange();

  [[nodiscard]] const Request& request() const noexcept { return *request_; }
  [[nodiscard]] const std::string& route() const noexcept { return route_; }
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] const std::string& trace_id() const noexcept { return trace_id_; }
  [[nodiscard]] Clock::time_point deadline() const noexcept { return deadline_; }
  [[nodiscard]] std::stop_token client_gone() const { return request_->client_gone.get_token(); }

  /// The first of these counts. Any thread.
  void reply(Response response);
  void fail(const std::exception_ptr& error);

  RequestTimes times;  ///< of a request that was embedded
  std::size_t texts = 0;
  std::size_t tokens = 0;
  std::string error_code;  ///< of one that failed
  std::string error;       ///< what is wrong, for the log

 private:
  void add_headers(Response& response) const;

  const std::shared_ptr<Request> request_;
  const std::string route_;
  const std::string id_;
  const std::string trace_id_;
  const Clock::time_point deadline_;
  const Finish finish_;
  std::atomic<bool> is_answered_ = false;
};

}  // namespace bgem3::server
