// Any bytes as the four configuration files, separated by NUL.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "config/config_files.h"
#include "fuzz/ignore_errors.h"

namespace {

std::array<std::optional<std::string>, 4> split(std::string rest) {
  std::array<std::optional<std::string>, 4> parts;
  for (auto& part : parts) {
    const auto end = rest.find('\0');
    part = rest.substr(0, end);
    if (end == std::string::npos) break;
    rest.erase(0, end + 1);
  }
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return bgem3::fuzz::ignore_errors([&] {
    const auto [config, modules, pooling, sentence_bert] =
        split(std::string(reinterpret_cast<const char*>(data), size));
    (void)bgem3::pooling_directory(modules);
    const auto parsed = bgem3::parse_model_config({*config, modules, pooling, sentence_bert});
    // What the encoder relies on.
    if (parsed.hidden_size % parsed.heads != 0 || parsed.max_length < 2 ||
        parsed.max_length > parsed.position_rows - parsed.first_position()) {
      std::abort();
    }
  });
}
