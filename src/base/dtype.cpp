#include "bgem3/dtype.h"

#include <array>
#include <iterator>

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

std::string_view to_string(Dtype dtype) noexcept {
  for (const auto& [known, name] : detail::names_of_dtypes) {
    if (known == dtype) return name;
  }
  return "unknown";
}

std::vector<std::string> dtype_names() {
  std::vector<std::string> names;
  names.reserve(std::size(detail::names_of_dtypes));
  for (const auto& known : detail::names_of_dtypes) names.emplace_back(known.second);
  return names;
}

Dtype parse_dtype(std::string_view name) {
  for (const auto& [dtype, known] : detail::names_of_dtypes) {
    if (known == name) return dtype;
  }
  for (const auto& known : short_names) {
    if (known.name == name) return known.dtype;
  }
  throw Error(ErrorCode::invalid_argument,
              fmt::format("dtype should be one of {}, found {}", fmt::join(dtype_names(), ", "), in_quotes(name)));
}

}  // namespace bgem3
