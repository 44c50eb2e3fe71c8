#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "support/pickle_bytes.h"

namespace bgem3::test {

/// Eight bytes, the lowest first.
inline std::string number_bytes(std::uint64_t number) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(number >> (8 * i) & 0xff);
  return bytes;
}

/// A storage as it lies behind the pickles.
inline std::string storage_bytes(const std::vector<float>& numbers) {
  std::string bytes(numbers.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return number_bytes(numbers.size()) + bytes;
}

/// A file of torch.save before torch 1.6, of which a test changes what it is about. Pickles are given as opcodes.
struct TorchLegacy {
  std::string magic_number = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  std::string version = "M\xe9\x03";
  std::string machine = "}(" + pickle_text("protocol_version") + version + pickle_text("little_endian") + "\x88" +
                        pickle_text("type_sizes") + pickle_dict("long", pickle_int(4)) + "u";
  std::string object = pickle_dict("w", pickle_tensor_of(pickle_storage("0", 6, "N"), 6));
  std::string keys = "](" + pickle_text("0") + "e";
  std::string storages = storage_bytes({1.5F, -2, 3, 4, 5, 6});

  [[nodiscard]] std::string bytes() const {
    std::string bytes;
    for (const auto& code : {magic_number, version, machine, object, keys}) bytes += pickle_begin + code + pickle_end;
    return bytes + storages;
  }
};

}  // namespace bgem3::test
