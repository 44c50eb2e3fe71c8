#include "cli/input/refuse.h"

#include <fmt/format.h>

#include "bgem3/error.h"

namespace bgem3::cli {

void refuse_input(const std::string& name, std::string_view what) {
  throw Error(ErrorCode::invalid_argument, fmt::format("{}: {}", name, what));
}

void refuse_damaged(const std::string& name, std::string_view kind, std::string_view reason) {
  throw Error(ErrorCode::io_error, fmt::format("{} cannot be read: damaged {}: {}", name, kind, reason));
}

}  // namespace bgem3::cli
