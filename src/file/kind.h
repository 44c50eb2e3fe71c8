#pragma once

#include <sys/stat.h>

namespace bgem3 {

/// "a FIFO" and the like, for messages about files that should be of another kind.
inline const char* kind_of_file(mode_t mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFREG: return "a regular file";
    case S_IFDIR: return "a directory";
    case S_IFIFO: return "a FIFO";
    case S_IFSOCK: return "a socket";
    case S_IFCHR: return "a character device";
    case S_IFBLK: return "a block device";
    default: return "a file of an unknown kind";
  }
}

}  // namespace bgem3
