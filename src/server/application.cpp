#include "server/application.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/post.hpp>

#include "bgem3/cuda.h"
#include "server/codings.h"
#include "server/interface.h"
#include "server/log.h"
#include "server/pages.h"

namespace bgem3::server {
namespace {

constexpr const char* no_route = "other";

bool needs_key(RouteKind kind) { return kind == RouteKind::model || kind == RouteKind::compute; }

Response text_response(std::string text, std::string content_type) {
  Response response;
  response.body = std::move(text);
  response.content_type = std::move(content_type);
  return response;
}

double to_ms(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

void log_request(const Response& response, const Exchange& exchange, bool is_probe, std::chrono::nanoseconds total) {
  const Work& work = exchange.work();
  JsonFields line = {{"request_id", exchange.id()}, {"route", exchange.route()}, {"status", response.status}};
  if (!exchange.client_id().empty()) line.add({"client_request_id", exchange.client_id()});
  if (!exchange.trace_id().empty()) line.add({"trace_id", exchange.trace_id()});
  line.add({"ms", to_ms(total)});
  if (work.tokens > 0) {
    line.add({"texts", work.texts}).add({"tokens", work.tokens}).add({"tokenize_ms", to_ms(work.times.tokenize)});
    line.add({"queue_ms", to_ms(work.times.queue)}).add({"compute_ms", to_ms(work.times.compute)});
  }
  if (response.status >= 400) line.add({"code", exchange.error_code()}).add({"error", exchange.error()});
  const LogLevel fine = is_probe ? LogLevel::debug : LogLevel::info;
  log(response.status == 500 ? LogLevel::error : fine, "request", line);
}

// With the executor by its own type, a handler is called as it is. The type that stands for any executor allocates for
// each call, and what fails there is thrown where nobody catches it.
using Timer =
    boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, boost::asio::thread_pool::executor_type>;

// Calls expired(exchange) at that time, if it still lives.
template <typename Expired>
void call_at(Clock::time_point time, boost::asio::thread_pool& pool, const std::shared_ptr<Exchange>& exchange,
             Expired expired) {
  const auto timer = std::make_shared<Timer>(pool.get_executor(), time);
  timer->async_wait(
      [weak = std::weak_ptr(exchange), expired = std::move(expired)](const boost::system::error_code& error) {
        const auto living = weak.lock();
        if (!error && living) expired(*living);
      });
  exchange->keep(timer);
}

bool is_for_probes(RouteKind kind) {
  return kind == RouteKind::alive || kind == RouteKind::ready || kind == RouteKind::metrics;
}

std::size_t handler_threads() { return std::max(2U, std::thread::hardware_concurrency()); }

}  // namespace

Application::Application(const ServerOptions& options)
    : options_(options),
      cors_(options.cors_origins),
      keys_(std::make_shared<const ApiKeys>(ApiKeys::load(options.api_keys_file))),
      router_(options),
      openapi_without_model_(describe_interface(options, router_, nullptr)),
      admission_(options.requests_max, options.requests_waiting_max),
      inflated_(options.http.bodies_bytes_max),
      pool_(handler_threads()) {}

Application::~Application() { end_work(); }

// Whoever still works with the models ends first.
void Application::end_work() {
  admission_.clear();
  if (models_) models_->embedder->drain();
  if (models_ && models_->reranker) models_->reranker->drain();
  pool_.join();
  deadlines_.stop();
  deadlines_.join();
}

void Application::load(const LoadModels& load) {
  models_.emplace(
      load(options_, [this](ModelRole role, const BatchReport& batch) { metrics_.count_batch(role, batch); }));
  if (models_->reranker) metrics_.add_reranker();
  services_.emplace(
      Services{options_, *models_, [this](std::function<void()> task) { boost::asio::post(pool_, std::move(task)); }});
  openapi_ = describe_interface(options_, router_, &*models_);
  state_ = State::ready;
}

std::size_t Application::reload_keys() {
  auto keys = std::make_shared<const ApiKeys>(ApiKeys::load(options_.api_keys_file));
  const std::size_t count = keys->size();
  keys_.replace(std::move(keys));
  return count;
}

Response Application::not_found(const Request& head, const std::string& message) {
  return respond_at_once(head, {404, "not_found", message});
}

std::optional<Response> Application::refuse(const Request& head) {
  const Route* route = router_.find(head);
  if (route != nullptr) {
    if (needs_key(route->kind) && !keys_.get()->allow(head)) {
      return respond_at_once(
          head,
          {401, "unauthorized", "send a valid key as 'Authorization: Bearer KEY', 'api-key: KEY' or 'x-api-key: KEY'"});
    }
    return route->kind == RouteKind::compute ? refuse_codings(head) : std::nullopt;
  }
  const std::string allowed = router_.allowed_methods(head);
  if (auto preflight = cors_.preflight(head, allowed)) {
    return respond_at_once(head, [&](Exchange& exchange) { exchange.respond(std::move(*preflight)); });
  }
  if (allowed.empty()) {
    return not_found(head, "there is no such route; /openapi.json lists those there are");
  }
  Response response =
      respond_at_once(head, {405, "method_not_allowed", fmt::format("this route takes {} only", allowed)});
  response.headers.emplace_back("Allow", allowed);
  return response;
}

std::optional<Response> Application::refuse_codings(const Request& head) try {
  check_codings(head, options_.compress_responses);
  return std::nullopt;
} catch (const Failure& failure) {
  return respond_at_once(head, failure);
}

void Application::handle(std::shared_ptr<Request> request, Respond respond) {
  const Route& route = *router_.find(*request);
  const auto place = route.kind == RouteKind::compute ? std::make_shared<Admission::Place>(admission_) : nullptr;
  const auto on_response = [this, place, is_probe = is_for_probes(route.kind), respond = std::move(respond)](
                               Response response, const Exchange& exchange) {
    cors_.add_headers(exchange.request(), response);
    record(response, exchange, is_probe);
    // First: who has the response may ask again at once. What was late may still be parsed or tokenised, and takes its
    // place until then.
    if (place) exchange.is_late() ? (void)place->stop_waiting() : place->leave();
    respond(std::move(response));
  };
  const auto exchange = std::make_shared<Exchange>(std::move(request), route.path, error_form(route.path),
                                                   options_.request_timeout, on_response);
  if (place && options_.compress_responses) exchange->compress_response();
  exchange->attempt([&] { place ? enter(route, exchange, place) : run(route, exchange); });
}

void Application::enter(const Route& route, const std::shared_ptr<Exchange>& exchange,
                        const std::shared_ptr<Admission::Place>& place) {
  // The batches look at deadlines, too; but a body of many megabytes may be late before it comes there.
  call_at(exchange->deadline(), deadlines_, exchange, [](Exchange& late) { late.fail_late(); });
  const auto begin = [this, &route, exchange, since = Clock::now()] {
    exchange->set_wait(Clock::now() - since);
    exchange->attempt([&] { run(route, exchange); });
  };
  if (!admission_.enter(place, begin)) {
    throw Failure(429, "overloaded",
                  fmt::format("{} requests are in work and {} wait, as many as may; try again later",
                              options_.requests_max, options_.requests_waiting_max));
  }
  if (place->is_waiting()) limit_wait(exchange, place);
}

// The wait for its turn ends with the time for that, and when nobody waits for the response any more.
void Application::limit_wait(const std::shared_ptr<Exchange>& exchange,
                             const std::shared_ptr<Admission::Place>& place) {
  const auto expired = [place, limit = options_.queue_timeout](Exchange& waiting) {
    if (!place->stop_waiting()) return;
    waiting.attempt([&] {
      throw Failure(
          429, "overloaded",
          fmt::format("the request waited {} ms for its turn, as long as one may; try again later", limit.count()));
    });
  };
  call_at(Clock::now() + options_.queue_timeout, deadlines_, exchange, expired);
  const auto leave = [weak = std::weak_ptr(exchange), place] {
    const auto left = weak.lock();
    if (!left || !place->stop_waiting()) return;
    left->attempt([] { throw Error(ErrorCode::cancelled, "nobody waits for the answer any more"); });
  };
  exchange->keep(std::make_shared<std::stop_callback<decltype(leave)>>(exchange->unwanted(), leave));
}

void Application::run(const Route& route, const std::shared_ptr<Exchange>& exchange) {
  switch (route.kind) {
    case RouteKind::page:
      return exchange->respond(page(route.path, state_ == State::loading ? openapi_without_model_ : openapi_));
    case RouteKind::metrics:
      return exchange->respond(text_response(metrics_.serialize(gauges()), "text/plain; version=0.0.4; charset=utf-8"));
    case RouteKind::alive: check_alive(); return exchange->respond(text_response("Healthy", "text/plain"));
    case RouteKind::ready:
      check_alive();
      check_ready();
      return exchange->respond(text_response("Ready", "text/plain"));
    case RouteKind::model:
    case RouteKind::compute: return work(route, exchange);
  }
}

void Application::work(const Route& route, const std::shared_ptr<Exchange>& exchange) {
  if (state_ == State::loading) throw Failure(503, "not_ready", "the model is being loaded");
  if (route.kind == RouteKind::model) return route.handler(*services_, exchange);
  services_->post([this, handler = route.handler, exchange] {
    if (exchange->deadline() <= Clock::now()) return exchange->fail_late();
    exchange->attempt([&] {
      exchange->inflate_request(options_.http.body_bytes_max, inflated_);
      handler(*services_, exchange);
    });
  });
}

// Of requests whose body nobody reads.
Response Application::respond_at_once(Request head, const Failure& failure) {
  return respond_at_once(std::move(head), [&](Exchange& exchange) { exchange.fail(std::make_exception_ptr(failure)); });
}

Response Application::respond_at_once(Request head, const std::function<void(Exchange&)>& respond) {
  const Route* route = router_.find(head);
  const ErrorForm errors = error_form(head.path);
  std::optional<Response> response;
  Exchange exchange(std::make_shared<Request>(std::move(head)), route == nullptr ? no_route : route->path, errors,
                    options_.request_timeout, [&](Response made, const Exchange& done) {
                      cors_.add_headers(done.request(), made);
                      record(made, done, route != nullptr && is_for_probes(route->kind));
                      response = std::move(made);
                    });
  respond(exchange);
  if (!response) throw std::bad_alloc();
  return std::move(*response);
}

bool Application::is_probe(const Request& head) const {
  const Route* route = router_.find(head);
  return route != nullptr && is_for_probes(route->kind);
}

Response Application::describe_failure(const Request& head, unsigned status, const std::string& message) {
  const auto code = [status] {
    switch (status) {
      case 408: return "request_timeout";
      case 413: return "body_too_large";
      case 429: return "overloaded";
      case 501: return "not_implemented";
      case 503: return "too_many_connections";
      default: return "invalid_request";
    }
  };
  return respond_at_once(head, {status, code(), message});
}

void Application::connection_failed(const char* what) noexcept {
  try {
    log(LogLevel::error, "a connection was closed", {{"error", what}});
  } catch (...) {  // no memory for that either
  }
}

// The response goes out also where there is no memory to count and log it.
void Application::record(const Response& response, const Exchange& exchange, bool is_probe) noexcept {
  try {
    const auto total = Clock::now() - exchange.request().received;
    count(response, exchange, total);
    log_request(response, exchange, is_probe, total);
  } catch (...) {
  }
}

void Application::count(const Response& response, const Exchange& exchange, std::chrono::nanoseconds total) {
  const Work& work = exchange.work();
  metrics_.count_request(exchange.route(), response.status, total);
  if (work.times.compute.count() > 0) metrics_.count_work(work.times, work.texts, work.tokens);
}

// For how long the batch that hangs the longest, of either model, has not come on.
std::chrono::nanoseconds Application::stalled() const {
  const auto embedding = models_->embedder->statistics().stalled;
  return models_->reranker ? std::max(embedding, models_->reranker->statistics().stalled) : embedding;
}

void Application::check_alive() const {
  if (state_ == State::loading) return;
  const auto longest = stalled();
  if (longest > options_.stall_timeout) {
    throw Failure(503, "stalled", fmt::format("a batch has made no progress for {:.0f} ms", to_ms(longest)));
  }
  models_->check_files();
}

bool Application::has_model_changed() const try {
  models_->check_files();
  return false;
} catch (const Error&) {
  return true;
}

void Application::check_ready() const {
  if (state_ == State::loading) throw Failure(503, "not_ready", "the model is being loaded");
  if (shutting_down_) throw Failure(503, "shutting_down", "the server is shutting down");
}

Gauges Application::gauges() const {
  Gauges gauges;
  gauges.requests_in_work = admission_.working();
  gauges.requests_waiting = admission_.waiting();
  gauges.requests_max = options_.requests_max;
  if (state_ == State::loading) return gauges;
  gauges.is_ready = !shutting_down_ && !has_model_changed();
  gauges.embedder = models_->embedder->statistics();
  if (models_->reranker) gauges.reranker = models_->reranker->statistics();
  gauges.model = models_->statistics();
  if (options_.device.starts_with("cuda")) gauges.device_memory = cuda_memory_held(options_.device);
  return gauges;
}

}  // namespace bgem3::server
