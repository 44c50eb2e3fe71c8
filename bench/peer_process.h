#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace bgem3::bench {

/// A program to compare with, in a process of its own, which answers each line with a line and measures its own times.
class PeerProcess {
 public:
  explicit PeerProcess(std::vector<std::string> command) {
    int to_peer[2];
    int from_peer[2];
    if (::pipe2(to_peer, O_CLOEXEC) != 0 || ::pipe2(from_peer, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, to_peer[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, from_peer[1], STDOUT_FILENO);
    std::vector<char*> arguments;
    for (auto& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    const int failure = ::posix_spawnp(&process_, arguments[0], &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(to_peer[0]);
    ::close(from_peer[1]);
    if (failure != 0) throw std::runtime_error("cannot start " + command.front());
    to_peer_ = ::fdopen(to_peer[1], "w");
    from_peer_ = ::fdopen(from_peer[0], "r");
  }
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;
  ~PeerProcess() {
    std::fclose(to_peer_);  // the end of its input ends it
    std::fclose(from_peer_);
    ::waitpid(process_, nullptr, 0);
  }

  /// Sends a line and returns the answer.
  std::string ask(const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), to_peer_);
    std::fputc('\n', to_peer_);
    std::fflush(to_peer_);
    char* answer = nullptr;
    std::size_t capacity = 0;
    const auto size = ::getline(&answer, &capacity, from_peer_);
    std::string copy(answer, size > 0 ? static_cast<std::size_t>(size) : 0);
    std::free(answer);
    if (copy.empty()) throw std::runtime_error("the peer ended without an answer");
    return copy;
  }

 private:
  pid_t process_ = -1;
  std::FILE* to_peer_ = nullptr;
  std::FILE* from_peer_ = nullptr;
};

}  // namespace bgem3::bench
