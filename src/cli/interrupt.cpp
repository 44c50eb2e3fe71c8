#include "cli/interrupt.h"

#include <csignal>

namespace bgem3::cli {
namespace {

volatile std::sig_atomic_t caught = 0;

void remember(int signal) { caught = signal; }

void install(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESETHAND;  // without SA_RESTART: a read that waits for input ends
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() { install(remember); }
Interrupt::~Interrupt() { install(SIG_DFL); }
int Interrupt::signal() noexcept { return caught; }
int Interrupt::exit_status() noexcept { return caught == 0 ? 0 : 128 + caught; }

}  // namespace bgem3::cli
