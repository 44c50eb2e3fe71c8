#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace bgem3::server {

/// For this thread and all that it makes: SIGTERM, SIGINT and SIGHUP wait for a SignalThread, and end nothing until
/// then.
void block_signals();

/// Calls `reload` for each SIGHUP, and `stop` once, for the first SIGTERM or SIGINT. On a thread of its own.
class SignalThread {
 public:
  using Stop = std::function<void(int signal)>;
  using Reload = std::function<void()>;

  SignalThread(Stop stop, Reload reload);
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;
  ~SignalThread();

 private:
  void run();

  const Stop stop_;
  const Reload reload_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace bgem3::server
