#include <doctest/doctest.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>

#include "file/mapped_file.h"
#include "support/temp_dir.h"

// What becomes of SIGBUS, in processes of their own: the handler is installed once, with the first file that is mapped.
// This one maps none.

using namespace bgem3;

namespace {

constexpr int survived = 40, reached_former = 41;
constexpr std::size_t file_bytes = std::size_t{1} << 16;

const volatile char* expected_address = nullptr;
volatile std::sig_atomic_t calls = 0;

// What `work` returns in a child, or minus the signal that ended it.
template <typename Work>
int in_child(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);  // a fault may happen again and again
    ::_exit(work());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void set_handler(void (*handler)(int), int flags = 0) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ::sigaction(SIGBUS, &action, nullptr);
}

void set_handler(void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

void leave(int) { ::_exit(reached_former); }
void leave_with_place(int, siginfo_t* info, void*) { ::_exit(info->si_addr == expected_address ? reached_former : 1); }
void count(int) { calls = calls + 1; }

// A file of ones, of which a mapped page gets lost.
class File {
 public:
  File() : path_(dir_.write("file", std::string(file_bytes, '\1'))) {}

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void cut() const { std::filesystem::resize_file(path_, 100); }

 private:
  test::TempDir dir_;
  const std::filesystem::path path_;
};

// A fault in a mapping that is none of bgem3's.
void fault_elsewhere(const File& file) {
  std::FILE* const stream = std::fopen(file.path().c_str(), "r");
  const auto* const bytes =
      static_cast<const volatile char*>(::mmap(nullptr, file_bytes, PROT_READ, MAP_PRIVATE, ::fileno(stream), 0));
  file.cut();
  expected_address = bytes + file_bytes / 2;
  (void)*expected_address;
}

// A fault in a mapping of bgem3's: the byte that was read, and whether the file says that it was changed.
bool fault_in_mapped_file(const File& file) {
  const auto mapped = MappedFile::open(file.path());
  const auto* const bytes = reinterpret_cast<const volatile char*>(mapped->bytes().data());
  const bool was_there = bytes[file_bytes / 2] == 1 && !mapped->find_change();
  file.cut();
  const bool is_zero = bytes[file_bytes / 2] == 0 && bytes[file_bytes - 1] == 0 && bytes[5000] == 0;
  return was_there && is_zero && bytes[99] == 1 && mapped->find_change().has_value();
}

}  // namespace

TEST_CASE("a page that is lost becomes zeros, and its file is known to be changed") {
  const File file;
  CHECK(in_child([&] { return fault_in_mapped_file(file) && WatchedMemory::handles_signal() ? survived : 1; }) ==
        survived);
}

TEST_CASE("a handler that was there before gets the signals of others, and only those") {
  const auto with_handler = [](auto handler) {
    const File mapped, other;
    return in_child([&] {
      set_handler(handler);
      if (!fault_in_mapped_file(mapped)) return 1;
      fault_elsewhere(other);
      return 2;
    });
  };
  CHECK(with_handler(leave) == reached_former);
  CHECK(with_handler(leave_with_place) == reached_former);
  CHECK(with_handler(SIG_DFL) == -SIGBUS);
  CHECK(with_handler(SIG_IGN) == -SIGBUS);  // a fault cannot be ignored
}

TEST_CASE("a signal that was sent goes where it went before") {
  const auto send = [](auto handler) {
    const File file;
    return in_child([&] {
      set_handler(handler);
      if (!fault_in_mapped_file(file)) return 1;
      ::raise(SIGBUS);
      return survived;
    });
  };
  CHECK(send(leave) == reached_former);
  CHECK(send(SIG_DFL) == -SIGBUS);
  CHECK(send(SIG_IGN) == survived);
}

TEST_CASE("a handler for one signal gets one, and the next ends the process") {
  const File mapped, other;
  CHECK(in_child([&] {
          set_handler(count, SA_RESETHAND);
          if (!fault_in_mapped_file(mapped) || calls != 0) return 1;
          ::raise(SIGBUS);
          if (calls != 1) return 2;
          fault_elsewhere(other);
          return 3;
        }) == -SIGBUS);
}

TEST_CASE("whoever takes the signal later has it, which can be known") {
  const File first, second;
  CHECK(in_child([&] {
          if (!fault_in_mapped_file(first)) return 1;
          set_handler(leave);
          if (WatchedMemory::handles_signal()) return 2;
          (void)fault_in_mapped_file(second);
          return 3;
        }) == reached_former);
}

TEST_CASE("the handler is there in a child, too") {
  const File before, after;
  CHECK(in_child([&] {
          const auto mapped = MappedFile::open(before.path());
          return in_child([&] {
            before.cut();
            const auto* const bytes = reinterpret_cast<const volatile char*>(mapped->bytes().data());
            if (bytes[file_bytes / 2] != 0 || !mapped->find_change()) return 1;
            return fault_in_mapped_file(after) ? survived : 2;
          });
        }) == survived);
}

TEST_CASE("a copy has no handler installed") {
  const File file, other;
  CHECK(in_child([&] {
          const auto copy = MappedFile::read(file.path());
          file.cut();
          if (WatchedMemory::handles_signal() || copy->find_change() || copy->bytes().back() != std::byte{1}) return 1;
          set_handler(leave);
          fault_elsewhere(other);
          return 2;
        }) == reached_former);
}
