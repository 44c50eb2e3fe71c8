#include "server/server.h"

#include <pthread.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>

#include <fmt/format.h>

#include "server/application.h"
#include "server/log.h"

namespace bgem3::server {
namespace {

sigset_t stop_signals() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// oneDNN keeps a kernel for each number of tokens that a batch had, of the last 1024. Batches of many clients have more
// than that, so memory would grow for minutes; making one takes a fraction of a millisecond. Read when first needed.
void limit_kernel_cache() { setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256", /*overwrite=*/0); }

// For this thread and all that it makes: SIGTERM and SIGINT wait for a SignalThread.
void block_signals() {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed log, say
  std::signal(SIGHUP, SIG_IGN);   // of a terminal that was closed
}

// A descriptor for each connection; the system's first limit is often 1024.
void raise_descriptor_limit(std::size_t connections) {
  constexpr std::size_t others = 100;  // the reserve for probes, files, the log
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= connections + others) return;
  log(LogLevel::warning, "the system allows fewer open files than --max-connections needs",
      {{"open_files", limit.rlim_cur}, {"max_connections", connections}});
}

// Calls stop(signal) once for the first of those signals.
class SignalThread {
 public:
  template <typename Stop>
  explicit SignalThread(Stop stop)
      : thread_([this, stop] {
          const sigset_t signals = stop_signals();
          int signal = 0;
          sigwait(&signals, &signal);
          if (!ending_) stop(signal);
        }) {}
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;
  ~SignalThread() {
    ending_ = true;
    pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }

 private:
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

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

int serve(const ServerOptions& options, const LoadModels& load) {
  block_signals();
  start_log(options.log_level);
  raise_descriptor_limit(options.http.connections_max);
  Application application(options);
  HttpServer http(options.http, application);
  log(LogLevel::info, "listening", {{"host", options.http.host}, {"port", http.port()}});
  Loader loader(application, http, load);
  const SignalThread signals([&](int signal) {
    log(LogLevel::info, "stopping", {{"signal", signal}});
    application.shut_down();
    http.shut_down();
  });
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
  int status = 0;
  const auto options = parse_options(argc, argv, program, status);
  if (!options) return status;
  limit_kernel_cache();
  try {
    status = serve(*options, load);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    status = 1;
  }
  end_log();
  return status;
}

}  // namespace bgem3::server
