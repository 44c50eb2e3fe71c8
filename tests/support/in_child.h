#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>

#include "bgem3/error.h"

namespace bgem3::test {

/// Whether `work` returns true in a forked child. It has 20 seconds: a child that hangs is ended, and has failed.
template <typename Work>
bool in_child(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    bool done = false;
    try {
      done = work();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "a forked child: %s\n", error.what());
    }
    ::_exit(done ? 0 : 1);
  }
  int status = -1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

/// Whether `work` throws Error invalid_argument with `part` in its message.
template <typename Work>
bool is_refused(const Work& work, const std::string& part) {
  try {
    work();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::invalid_argument && std::string(error.what()).find(part) != std::string::npos) {
      return true;
    }
    std::fprintf(stderr, "a forked child: expected '%s', found: %s\n", part.c_str(), error.what());
  }
  return false;
}

}  // namespace bgem3::test
