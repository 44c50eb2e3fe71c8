#include "server/server.h"

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>

#include "bgem3/detail/message.h"
#include "server/application.h"
#include "server/log.h"
#include "server/ports.h"
#include "server/reload.h"
#include "server/signals.h"

namespace bgem3::server {
namespace {

// oneDNN keeps a kernel for each number of tokens that a batch had, of the last 1024. Batches of many clients have more
// than that, so memory would grow for minutes; making one takes a fraction of a millisecond. Read when first needed.
void limit_kernel_cache() { setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256", /*overwrite=*/0); }

// A descriptor for each connection; the system's first limit is often 1024.
void raise_descriptor_limit(std::size_t connections) {
  constexpr std::size_t others = 200;  // reserves for probes, the metrics' port, files, the log
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= connections + others) return;
  log(LogLevel::warning, "the system allows fewer open files than --max-connections needs",
      {{"open_files", limit.rlim_cur}, {"max_connections", connections}});
}

// Loads while the server listens already, and ends it when that fails.
class Loader {
 public:
  Loader(Application& application, HttpServer& http, const LoadModels& load)
      : thread_([this, &application, &http, &load] {
          try {
            const auto started = Clock::now();
            application.load(load);
            log(LogLevel::info, "ready",
                {{"load_seconds", std::chrono::duration<double>(Clock::now() - started).count()}});
          } catch (...) {
            error_ = std::current_exception();
            http.shut_down();
          }
        }) {}
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader() {
    if (thread_.joinable()) thread_.join();
  }

  void wait() {
    thread_.join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
  std::thread thread_;
};

bool is_loopback(const std::string& host) {
  boost::system::error_code is_none;  // which cannot be listened on either
  return boost::asio::ip::make_address(host, is_none).is_loopback();
}

// Whoever has not said who is let in may not know.
void warn_of_access(const ServerOptions& options) {
  if (says_who_is_let_in(options)) return;
  if (!options.is_host_given) {
    log(LogLevel::warning,
        "only this machine can reach the server; to open it, give keys (--api-keys-file FILE or BGEM3_API_KEYS), "
        "or say --open to let everybody in without",
        {{"host", options.http.host}});
  } else if (!is_loopback(options.http.host)) {
    log(LogLevel::warning,
        "anybody who reaches the port can use the server; give keys (--api-keys-file FILE or BGEM3_API_KEYS), or say "
        "--open if this is meant",
        {{"host", options.http.host}});
  }
}

// Ends the work of an application at its own end.
class WorkEnd {
 public:
  explicit WorkEnd(Application& application) : application_(application) {}
  WorkEnd(const WorkEnd&) = delete;
  WorkEnd& operator=(const WorkEnd&) = delete;
  ~WorkEnd() { application_.end_work(); }

 private:
  Application& application_;
};

void log_stopping(int signal) noexcept try {
  log(LogLevel::info, "stopping", {{"signal", signal}});
} catch (...) {  // no memory for that; it stops all the same
}

int serve(const ServerOptions& options, const LoadModels& load) {
  start_log(options.log_level);
  warn_of_access(options);
  raise_descriptor_limit(options.http.connections_max);
  Application application(options);
  PortRoutes routes(application, options.metrics_port ? PortRole::main : PortRole::only);
  HttpServer http(options.http, routes);
  log(LogLevel::info, "listening", {{"host", options.http.host}, {"port", http.port()}});
  std::vector<HttpServer*> ports = {&http};
  std::optional<MetricsPort> metrics;
  if (options.metrics_port) {
    ports.push_back(&metrics.emplace(options, application).http());
    log(LogLevel::info, "listening for metrics", {{"host", options.metrics_host}, {"port", ports.back()->port()}});
  }
  const WorkEnd end_of_work(application);  // before the ports, and after the loader
  Loader loader(application, http, load);
  const auto stop = [&](int signal) {
    log_stopping(signal);
    application.shut_down();
    http.shut_down();
  };
  const SignalThread signals(stop, [&] { reload(options, application, ports); });
  if (!http.run()) {
    log(LogLevel::error, "requests were still in work when the time to shut down was over");
    end_log();
    std::_Exit(1);  // what hangs cannot be joined
  }
  loader.wait();
  log(LogLevel::info, "stopped");
  return 0;
}

}  // namespace

int run_program(int argc, char** argv, const char* program, const LoadModels& load) {
  block_signals();
  int status = 0;
  const auto options = parse_options(argc, argv, program, status);
  if (!options) return status;
  limit_kernel_cache();
  try {
    status = serve(*options, load);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", program, detail::printable_message(error.what()));
    status = 1;
  }
  end_log();
  return status;
}

}  // namespace bgem3::server
