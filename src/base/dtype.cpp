#include "bgem3/dtype.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

// Understood as well.
struct Name {
  std::string_view name;
  Dtype dtype;
};
constexpr std::array<Name, 4> short_names{
    {{"fp32", Dtype::float32}, {"fp16", Dtype::float16}, {"bf16", Dtype::bfloat16}, {"fp8", Dtype::float8}}};

}  // namespace

std::string_view to_string(Dtype dtype) noexcept { return detail::names_of_dtypes[static_cast<std::size_t>(dtype)]; }

std::vector<std::string> dtype_names() { return {detail::names_of_dtypes.begin(), detail::names_of_dtypes.end()}; }

Dtype parse_dtype(std::string_view name) {
  const auto found = std::ranges::find(detail::names_of_dtypes, name);
  if (found != detail::names_of_dtypes.end()) return static_cast<Dtype>(found - detail::names_of_dtypes.begin());
  for (const auto& known : short_names) {
    if (known.name == name) return known.dtype;
  }
  throw Error(ErrorCode::invalid_argument,
              fmt::format("dtype should be one of {}, found {}", fmt::join(dtype_names(), ", "), in_quotes(name)));
}

}  // namespace bgem3
