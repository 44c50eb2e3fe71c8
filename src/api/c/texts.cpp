#include "api/c/texts.h"

#include <cstdint>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "api/c/errors.h"

namespace bgem3::c_api {
namespace {

constexpr auto most_bytes = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());

// `name` is a function, as a name is seldom needed and there may be millions of texts.
template <typename Name>
std::string_view view_of(const char* text, std::size_t length, const Name& name) {
  const bool terminated = length == BGEM3_ZERO_TERMINATED;
  if (!terminated && length > most_bytes) {
    refuse(fmt::format("the length of {} should be at most {} bytes or BGEM3_ZERO_TERMINATED, found {}", name(),
                       most_bytes, length));
  }
  if (text == nullptr && length != 0) {
    refuse(fmt::format("{} should point to {}, found NULL", name(),
                       terminated ? "a zero-terminated text" : fmt::format("{} bytes", length)));
  }
  if (length == 0) return {};
  return terminated ? std::string_view(text) : std::string_view(text, length);
}

}  // namespace

std::string_view read_text(const char* text, std::size_t length, const char* name) {
  return view_of(text, length, [&] { return name; });
}

std::vector<std::string_view> read_texts(const char* const* texts, const std::size_t* lengths, std::size_t count,
                                         const char* name) {
  if (count > 0) expect_pointer(texts, name);
  constexpr std::size_t most = most_bytes / sizeof(std::string_view);
  if (count > most) refuse(fmt::format("count should be at most {}, found {}", most, count));
  std::vector<std::string_view> views;
  views.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t length = lengths == nullptr ? BGEM3_ZERO_TERMINATED : lengths[i];
    views.push_back(view_of(texts[i], length, [&] { return fmt::format("{}[{}]", name, i); }));
  }
  return views;
}

}  // namespace bgem3::c_api
