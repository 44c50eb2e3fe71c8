#include "server/signals.h"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace bgem3::server {
namespace {

sigset_t awaited_signals() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

void block_signals() {
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed log, say
  // A thread that some library made before would end the process; and what nohup ignores could not be waited for.
  std::signal(SIGHUP, [](int) {});
}

SignalThread::SignalThread(Stop stop, Reload reload)
    : stop_(std::move(stop)), reload_(std::move(reload)), thread_([this] { run(); }) {}

SignalThread::~SignalThread() {
  ending_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void SignalThread::run() {
  const sigset_t signals = awaited_signals();
  int signal = SIGHUP;
  while (signal == SIGHUP) {
    sigwait(&signals, &signal);
    if (signal == SIGHUP && !ending_) reload_();
  }
  if (!ending_) stop_(signal);
}

}  // namespace bgem3::server
