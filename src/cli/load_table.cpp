#include "cli/load_table.h"

#include <dlfcn.h>

#include <string_view>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "bgem3/version.h"

namespace bgem3::cli {
namespace {

void expect_own_version(const char* library, const char* found) {
  if (std::string_view(found) == BGEM3_VERSION_STRING) return;
  throw Error(ErrorCode::io_error,
              fmt::format("{} is of another bgem3 ({}) than this program ({}); install both from one build", library,
                          found, BGEM3_VERSION_STRING));
}

}  // namespace

// RTLD_NOW: what another build of a library lacks is told here, not in the middle of a run.
LoadedTable load_table(const char* library, const char* symbol, const char* needs) {
  void* const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    // It begins with the library that was not found: ours, or one that ours needs.
    const std::string reason = dlerror();
    if (reason.starts_with(library)) return {nullptr, reason};
    throw Error(ErrorCode::io_error,
                fmt::format("{} cannot be loaded ({}); it needs {}; install those", library, reason, needs));
  }
  using Get = const char* const* (*)();
  const auto get = reinterpret_cast<Get>(dlsym(handle, symbol));
  const char* const* const table = get == nullptr ? nullptr : get();
  expect_own_version(library, table == nullptr ? "unknown" : *table);
  return {static_cast<const void*>(table), ""};
}

}  // namespace bgem3::cli
