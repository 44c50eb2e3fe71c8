#pragma once

#include <unistd.h>

namespace bgem3::test {

/// Root may read everything, so tests of permissions run as nobody for a moment.
class DropPrivileges {
 public:
  DropPrivileges() {
    if (was_root_) dropped_ = ::seteuid(nobody) == 0;
  }
  DropPrivileges(const DropPrivileges&) = delete;
  DropPrivileges& operator=(const DropPrivileges&) = delete;
  ~DropPrivileges() {
    if (dropped_ && ::seteuid(0) != 0) ::_exit(1);
  }

  [[nodiscard]] bool is_unprivileged() const noexcept { return !was_root_ || dropped_; }

 private:
  static constexpr unsigned nobody = 65534;
  bool was_root_ = ::geteuid() == 0;
  bool dropped_ = false;
};

}  // namespace bgem3::test
