#include "server/application.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/post.hpp>

#include "bgem3/cuda.h"
#include "server/log.h"
#include "server/pages.h"

namespace bgem3::server {
namespace {

constexpr std::string_view no_route = "other";

bool matches(const Route& route, const Request& head) {
  return route.path == head.path && (route.method == head.method || (route.method == "GET" && head.method == "HEAD"));
}

const Route* find_route(const Request& head) {
  const auto all = routes();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Route& route) { return matches(route, head); });
  return found == all.end() ? nullptr : &*found;
}

// Of routes of the same path; "" for a path that none has.
std::string allowed_methods(const Request& head) {
  std::string allowed;
  for (const auto& route : routes()) {
    if (route.path != head.path) continue;
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method == "GET" ? "GET, HEAD" : route.method);
  }
  return allowed;
}

bool needs_key(RouteKind kind) { return kind == RouteKind::model || kind == RouteKind::compute; }

Response text_response(std::string text, std::string content_type) {
  Response response;
  response.body = std::move(text);
  response.content_type = std::move(content_type);
  return response;
}

double to_ms(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

void log_request(const Response& response, const Exchange& exchange, std::chrono::nanoseconds total) {
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
  const bool is_probe = exchange.request().method != "POST" &&
                        (exchange.route() == "/" || exchange.route() == "/health" || exchange.route() == "/ready");
  const LogLevel fine = is_probe ? LogLevel::debug : LogLevel::info;
  log(response.status == 500 ? LogLevel::error : fine, "request", line);
}

// With the executor by its own type, a handler is called as it is. The type that stands for any executor allocates for
// each call, and what fails there is thrown where nobody catches it.
using Timer =
    boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, boost::asio::thread_pool::executor_type>;

std::size_t handler_threads() { return std::max(2U, std::thread::hardware_concurrency()); }

}  // namespace

Application::Application(const ServerOptions& options)
    : options_(options),
      keys_(std::make_shared<const ApiKeys>(ApiKeys::load(options.api_keys_file))),
      openapi_without_model_(describe_interface(options, nullptr)),
      pool_(handler_threads()) {}

Application::~Application() { end_work(); }

// Whoever still works with the models ends first.
void Application::end_work() {
  if (models_) models_->batching->drain();
  if (models_ && models_->reranking) models_->reranking->drain();
  pool_.join();
  deadlines_.stop();
  deadlines_.join();
}

void Application::load(const LoadModels& load) {
  models_.emplace(
      load(options_, [this](ModelRole role, const BatchReport& batch) { metrics_.count_batch(role, batch); }));
  if (models_->reranking) metrics_.add_reranker();
  services_.emplace(
      Services{options_, *models_, [this](std::function<void()> task) { boost::asio::post(pool_, std::move(task)); }});
  openapi_ = describe_interface(options_, &*models_);
  state_ = State::ready;
}

std::size_t Application::reload_keys() {
  auto keys = std::make_shared<const ApiKeys>(ApiKeys::load(options_.api_keys_file));
  const std::size_t count = keys->size();
  keys_.replace(std::move(keys));
  return count;
}

Response Application::not_found(const Request& head, const std::string& message) {
  return answer_at_once(head, {404, "not_found", message});
}

std::optional<Response> Application::refuse(const Request& head) {
  const Route* route = find_route(head);
  if (route != nullptr) {
    if (!needs_key(route->kind) || keys_.get()->allow(head.header("Authorization"))) return std::nullopt;
    return answer_at_once(head, {401, "unauthorized", "send a valid key as 'Authorization: Bearer KEY'"});
  }
  const std::string allowed = allowed_methods(head);
  if (allowed.empty()) {
    return not_found(head, "there is no such route; /openapi.json lists those there are");
  }
  Response response =
      answer_at_once(head, {405, "method_not_allowed", fmt::format("this route takes {} only", allowed)});
  response.headers.emplace_back("Allow", allowed);
  return response;
}

void Application::handle(std::shared_ptr<Request> request, Respond respond) {
  const Route* route = find_route(*request);
  const auto place = route->kind == RouteKind::compute ? std::make_shared<Place>(in_work_) : nullptr;
  const auto answer = [this, place, respond = std::move(respond)](Response response, const Exchange& exchange) {
    finish(response, exchange);
    // First: who has the answer may ask again at once. What was late may still be parsed or tokenised, and takes its
    // place until then.
    if (place && !exchange.is_late()) place->leave();
    respond(std::move(response));
  };
  const auto exchange =
      std::make_shared<Exchange>(std::move(request), std::string(route->path), options_.request_timeout, answer);
  exchange->attempt([&] {
    if (place && place->before() >= options_.requests_max) {
      throw Failure(429, "overloaded",
                    fmt::format("{} requests are in work, as many as are taken at a time", options_.requests_max));
    }
    if (place) answer_when_late(exchange);
    run(*route, exchange);
  });
}

void Application::run(const Route& route, const std::shared_ptr<Exchange>& exchange) {
  if (route.kind == RouteKind::page) {
    return exchange->reply(page(route.path, state_ == State::loading ? openapi_without_model_ : openapi_));
  }
  if (route.kind != RouteKind::state) return work(route, exchange);
  if (route.path == "/metrics") {
    return exchange->reply(text_response(metrics_.serialize(gauges()), "text/plain; version=0.0.4; charset=utf-8"));
  }
  check_alive();
  if (route.path == "/ready") check_ready();
  exchange->reply(text_response(route.path == "/ready" ? "Ready" : "Healthy", "text/plain"));
}

void Application::work(const Route& route, const std::shared_ptr<Exchange>& exchange) {
  if (state_ == State::loading) throw Failure(503, "not_ready", "the model is being loaded");
  if (route.kind == RouteKind::model) return route.handler(*services_, exchange);
  services_->post([this, handler = route.handler, exchange] {
    if (exchange->deadline() <= Clock::now()) return exchange->fail_late();
    exchange->attempt([&] { handler(*services_, exchange); });
  });
}

// The batches look at deadlines, too; but a body of many megabytes may be late before it comes there.
void Application::answer_when_late(const std::shared_ptr<Exchange>& exchange) {
  const auto timer = std::make_shared<Timer>(deadlines_.get_executor(), exchange->deadline());
  timer->async_wait([weak = std::weak_ptr(exchange)](const boost::system::error_code& error) {
    const auto late = weak.lock();
    if (!error && late) late->fail_late();
  });
  exchange->keep(timer);
}

// Of requests whose body nobody reads.
Response Application::answer_at_once(Request head, const Failure& failure) {
  const Route* route = find_route(head);
  std::optional<Response> answer;
  Exchange exchange(std::make_shared<Request>(std::move(head)), std::string(route == nullptr ? no_route : route->path),
                    options_.request_timeout, [&](Response response, const Exchange& done) {
                      finish(response, done);
                      answer = std::move(response);
                    });
  exchange.fail(std::make_exception_ptr(failure));
  if (!answer) throw std::bad_alloc();
  return std::move(*answer);
}

bool Application::is_probe(const Request& head) const {
  const Route* route = find_route(head);
  return route != nullptr && route->kind == RouteKind::state;
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
  return answer_at_once(head, {status, code(), message});
}

void Application::connection_failed(const char* what) noexcept {
  try {
    log(LogLevel::error, "a connection was closed", {{"error", what}});
  } catch (...) {  // no memory for that either
  }
}

// The answer goes out also where there is no memory to count and log it.
void Application::finish(const Response& response, const Exchange& exchange) noexcept {
  try {
    const auto total = Clock::now() - exchange.request().received;
    count(response, exchange, total);
    log_request(response, exchange, total);
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
  const auto embedding = models_->batching->statistics().stalled;
  return models_->reranking ? std::max(embedding, models_->reranking->statistics().stalled) : embedding;
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
  gauges.requests_in_work = in_work_;
  gauges.requests_max = options_.requests_max;
  if (state_ == State::loading) return gauges;
  gauges.is_ready = !shutting_down_ && !has_model_changed();
  gauges.embedder = models_->batching->statistics();
  if (models_->reranking) gauges.reranker = models_->reranking->statistics();
  gauges.model = models_->statistics();
  if (options_.device.starts_with("cuda")) gauges.device_memory = cuda_memory_held(options_.device);
  return gauges;
}

}  // namespace bgem3::server
