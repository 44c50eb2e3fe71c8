#include "file/watched_memory.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace bgem3 {

// One piece of memory. Entries are never freed, because a handler may look at them at any time; those that are free are
// used again, so there are as many as there were objects at the same time.
struct WatchedMemory::Entry {
  std::atomic<std::uintptr_t> begin = 0;  // or one of the two below
  std::atomic<std::uintptr_t> end = 0;
  std::atomic<bool> has_lost_pages = false;
  Entry* next = nullptr;  // does not change once the entry is in the list
};

namespace {

using Entry = WatchedMemory::Entry;

constexpr std::uintptr_t free_entry = 0, claimed_entry = 1;  // no address of a page

static_assert(std::atomic<std::uintptr_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free &&
              std::atomic<Entry*>::is_always_lock_free);

// Without locks: a handler could wait for the thread that it interrupted, a child for a thread that fork() left behind.
std::atomic<Entry*> entries = nullptr;
struct sigaction former_action;  // written before the handler is installed
std::uintptr_t page_bytes;       // likewise

Entry* claim_free_entry() {
  for (Entry* entry = entries; entry != nullptr; entry = entry->next) {
    std::uintptr_t expected = free_entry;
    if (entry->begin.compare_exchange_strong(expected, claimed_entry)) return entry;
  }
  return nullptr;
}

Entry* add_entry() {
  auto* const entry = new Entry;
  entry->begin = claimed_entry;
  entry->next = entries;
  while (!entries.compare_exchange_weak(entry->next, entry)) {
  }
  return entry;
}

// The entry whose memory has `address`, and the end of that memory. While a page is read, its entry does not change; of
// another that does, begin and end may not belong together, which the second look at `begin` tells.
Entry* find_entry(std::uintptr_t address, std::uintptr_t& end) noexcept {
  for (Entry* entry = entries; entry != nullptr; entry = entry->next) {
    const std::uintptr_t begin = entry->begin;
    end = entry->end;
    if (begin > claimed_entry && begin <= address && address < end && entry->begin == begin) return entry;
  }
  return nullptr;
}

// Zeros from the page of `address` on, as all that comes behind it is most likely lost, too.
bool replace_pages(std::uintptr_t address, std::uintptr_t end) noexcept {
  const std::uintptr_t first = address - address % page_bytes;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the system's
  void* const place = reinterpret_cast<void*>(first);
  return ::mmap(place, end - first, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

void set_default(int signal) noexcept {
  struct sigaction fatal {};
  fatal.sa_handler = SIG_DFL;
  ::sigaction(signal, &fatal, nullptr);
}

// As if this handler had never been there.
void hand_on(int signal, siginfo_t* info, void* context) noexcept {
  const bool is_fault = info->si_code > 0;  // else somebody sent it
  if ((former_action.sa_flags & SA_RESETHAND) != 0) set_default(signal);
  if ((former_action.sa_flags & SA_SIGINFO) != 0) {
    former_action.sa_sigaction(signal, info, context);
  } else if (former_action.sa_handler != SIG_DFL && former_action.sa_handler != SIG_IGN) {
    former_action.sa_handler(signal);
  } else if (is_fault || former_action.sa_handler == SIG_DFL) {
    // Ends the process when this returns: by the fault that happens again, or by the signal that was blocked till then.
    // A fault ends it also where the signal is ignored.
    set_default(signal);
    if (!is_fault) ::raise(signal);
  }
}

// Async-signal-safe: no locks, no memory, no exceptions.
void handle_bus_error(int signal, siginfo_t* info, void* context) noexcept {
  const int error = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  std::uintptr_t end = 0;
  Entry* const entry = info->si_code > 0 ? find_entry(address, end) : nullptr;
  if (entry != nullptr) entry->has_lost_pages = true;
  if (entry == nullptr || !replace_pages(address, end)) hand_on(signal, info, context);
  errno = error;
}

// The library must not be unloaded as long as its handler is installed.
void keep_this_library() noexcept {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&handle_bus_error), &info) == 0) return;
  (void)::dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

bool install_handler() noexcept {
  page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  keep_this_library();
  ::sigaction(SIGBUS, nullptr, &former_action);
  struct sigaction action = former_action;  // blocks what that one blocks, and restarts what it restarts
  action.sa_sigaction = handle_bus_error;
  action.sa_flags |= SA_SIGINFO | SA_ONSTACK;
  action.sa_flags &= ~SA_RESETHAND;
  return ::sigaction(SIGBUS, &action, nullptr) == 0;
}

}  // namespace

WatchedMemory::WatchedMemory(std::span<const std::byte> memory) {
  [[maybe_unused]] static const bool is_installed = install_handler();
  entry_ = claim_free_entry();
  if (entry_ == nullptr) entry_ = add_entry();
  const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
  entry_->has_lost_pages = false;
  entry_->end = begin + (memory.size() + page_bytes - 1) / page_bytes * page_bytes;
  entry_->begin = begin;
}

WatchedMemory::~WatchedMemory() { entry_->begin = free_entry; }

bool WatchedMemory::has_lost_pages() const noexcept { return entry_->has_lost_pages; }

bool WatchedMemory::handles_signal() noexcept {
  struct sigaction action {};
  return ::sigaction(SIGBUS, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) != 0 &&
         action.sa_sigaction == handle_bus_error;
}

}  // namespace bgem3
