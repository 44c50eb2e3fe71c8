// json_cost: lists the shapes of JSON. json_cost SHAPE BYTES: parses one, for who counts the instructions.
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "file/json.h"
#include "support/json_shapes.h"

int main(int argc, char** argv) {
  for (const auto& [name, text_of] : bgem3::test::json_shapes()) {
    if (argc == 1) std::printf("%s\n", name);
    if (argc != 3 || std::string_view(name) != argv[1]) continue;
    const std::string text = text_of(std::strtoull(argv[2], nullptr, 10));
    return bgem3::parse_json(text, std::numeric_limits<std::size_t>::max()).fault.empty() ? 0 : 1;
  }
  return argc == 1 ? 0 : 2;
}
