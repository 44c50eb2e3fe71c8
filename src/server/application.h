#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/thread_pool.hpp>

#include "server/admission.h"
#include "server/api_keys.h"
#include "server/cors.h"
#include "server/exchange.h"
#include "server/http/held_bytes.h"
#include "server/http/http_server.h"
#include "server/http/replaceable.h"
#include "server/metrics.h"
#include "server/models.h"
#include "server/options.h"
#include "server/router.h"

namespace bgem3::server {

/// All that stands between HTTP and the models: routes, keys, limits, logs.
class Application final : public HttpHandler {
 public:
  explicit Application(const ServerOptions& options);
  ~Application() override;

  /// Loads with `load`; from then on requests get what they ask for.
  void load(const LoadModels& load);

  /// Reads the file of keys again, for requests that come from now on. Any thread.
  /// @return how many keys there are now
  /// @throws Error as ApiKeys::load(); the former keys stay
  std::size_t reload_keys();

  /// Ends its threads, which may hold connections until then: to be called before the ports of those are destroyed.
  void end_work();

  /// /ready says no from now on.
  void shut_down() { shutting_down_ = true; }

  [[nodiscard]] const Router& router() const noexcept { return router_; }

  /// The response to a request for a route that the port it came to does not have.
  Response not_found(const Request& head, const std::string& message);

  // Of several HttpServers, each on its thread.
  std::optional<Response> refuse(const Request& head) override;
  void handle(std::shared_ptr<Request> request, Respond respond) override;
  [[nodiscard]] bool is_probe(const Request& head) const override;
  Response describe_failure(const Request& head, unsigned status, const std::string& message) override;
  void connection_failed(const char* what) noexcept override;

 private:
  enum class State { loading, ready };

  void run(const Route& route, const std::shared_ptr<Exchange>& exchange);
  void work(const Route& route, const std::shared_ptr<Exchange>& exchange);
  std::optional<Response> refuse_codings(const Request& head);
  Response respond_at_once(Request head, const Failure& failure);
  Response respond_at_once(Request head, const std::function<void(Exchange&)>& respond);
  void enter(const Route& route, const std::shared_ptr<Exchange>& exchange,
             const std::shared_ptr<Admission::Place>& place);
  void limit_wait(const std::shared_ptr<Exchange>& exchange, const std::shared_ptr<Admission::Place>& place);
  void record(const Response& response, const Exchange& exchange, bool is_probe) noexcept;
  void count(const Response& response, const Exchange& exchange, std::chrono::nanoseconds total);

  void check_alive() const;
  void check_ready() const;
  [[nodiscard]] bool has_model_changed() const;
  [[nodiscard]] std::chrono::nanoseconds stalled() const;
  [[nodiscard]] Gauges gauges() const;

  const ServerOptions options_;
  const Cors cors_;
  Replaceable<const ApiKeys> keys_;
  const Router router_;
  const std::string openapi_without_model_;
  std::string openapi_;  // when loaded
  Metrics metrics_;
  std::atomic<State> state_ = State::loading;
  std::atomic<bool> shutting_down_ = false;
  Admission admission_;
  HeldBytes inflated_;  // bodies of requests, beside those that arrived
  std::optional<Models> models_;
  std::optional<Services> services_;
  boost::asio::thread_pool pool_;          // reads bodies, tokenises, writes responses
  boost::asio::thread_pool deadlines_{1};  // waits for them while the others are busy
};

}  // namespace bgem3::server
