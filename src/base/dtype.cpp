#include "bgem3/dtype.h"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

struct Name {
  std::string_view name;
  Dtype dtype;
};

constexpr std::array<Name, 7> names{{{"auto", Dtype::automatic},
                                     {"float32", Dtype::float32},
                                     {"float16", Dtype::float16},
                                     {"bfloat16", Dtype::bfloat16},
                                     {"int8", Dtype::int8},
                                     {"float8", Dtype::float8},
                                     {"float8_fast", Dtype::float8_fast}}};
constexpr std::array<Name, 4> short_names{
    {{"fp32", Dtype::float32}, {"fp16", Dtype::float16}, {"bf16", Dtype::bfloat16}, {"fp8", Dtype::float8}}};

}  // namespace

std::string_view to_string(Dtype dtype) noexcept { return names[static_cast<std::size_t>(dtype)].name; }

std::vector<std::string> dtype_names() {
  std::vector<std::string> all;
  all.reserve(names.size());
  for (const auto& known : names) all.emplace_back(known.name);
  return all;
}

Dtype parse_dtype(std::string_view name) {
  for (const auto& known : names) {
    if (known.name == name) return known.dtype;
  }
  for (const auto& known : short_names) {
    if (known.name == name) return known.dtype;
  }
  throw Error(ErrorCode::invalid_argument,
              fmt::format("dtype should be one of {}, found {}", fmt::join(dtype_names(), ", "), in_quotes(name)));
}

}  // namespace bgem3
