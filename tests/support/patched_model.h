#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <nlohmann/json.hpp>

#include "support/temp_dir.h"

namespace bgem3::test {

/// A copy of a model directory in safetensors, float32, in which single numbers can be changed.
class PatchedModel {
 public:
  explicit PatchedModel(const std::filesystem::path& original) {
    std::filesystem::copy(original, directory_.path(), std::filesystem::copy_options::recursive);
    std::ifstream file(weights(), std::ios::binary);
    std::uint64_t header_bytes = 0;
    file.read(reinterpret_cast<char*>(&header_bytes), sizeof header_bytes);
    std::string header(header_bytes, '\0');
    file.read(header.data(), static_cast<std::streamsize>(header_bytes));
    header_ = nlohmann::json::parse(header);
    data_begin_ = sizeof header_bytes + header_bytes;
  }

  /// Sets the first number of a tensor.
  void set_first(const std::string& name, float value) const {
    const auto offset = header_.at(name).at("data_offsets").at(0).get<std::uint64_t>();
    std::fstream file(weights(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(data_begin_ + offset));
    file.write(reinterpret_cast<const char*>(&value), sizeof value);
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return directory_.path(); }

 private:
  [[nodiscard]] std::filesystem::path weights() const { return directory_.path() / "model.safetensors"; }

  TempDir directory_;
  nlohmann::json header_;
  std::uint64_t data_begin_ = 0;
};

}  // namespace bgem3::test
