#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

// Files that are none: what opening them by mistake would wait for, or never see the end of.

namespace bgem3::test {

inline void make_fifo(const std::filesystem::path& path) {
  if (::mkfifo(path.c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
}

/// The path of a socket may have a hundred bytes, so it is made beside and moved.
inline void make_socket(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = (std::filesystem::temp_directory_path() / ("bgem3-" + std::to_string(::getpid()))).string();
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool is_bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(descriptor);
  if (!is_bound) throw std::runtime_error("bind");
  if (::rename(name.c_str(), path.c_str()) != 0) throw std::runtime_error("rename");
}

inline void make_loop(const std::filesystem::path& path) { std::filesystem::create_symlink(path.filename(), path); }

/// A terabyte of zeros that takes no room.
inline void make_sparse(const std::filesystem::path& path) {
  std::filesystem::remove(path);
  if (::close(::creat(path.c_str(), 0600)) != 0) throw std::runtime_error("creat");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
}

}  // namespace bgem3::test
