#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/temp_dir.h"

// Each file that a model directory may have, and a directory in which it is read.

namespace bgem3::test::every_model_file {

namespace fs = std::filesystem;
using nlohmann::json;

inline std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A whole model, read by anybody; directories of tests are made of links to it.
class Original {
 public:
  Original() {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(BGEM3_TEST_MODELS_DIR) / "nano")) {
      const auto name = fs::relative(entry.path(), fs::path(BGEM3_TEST_MODELS_DIR) / "nano");
      if (entry.is_regular_file()) ::chmod(directory_.write(name, read(entry.path())).c_str(), 0644);
      if (entry.is_regular_file()) names_.push_back(name);
    }
    ::chmod(directory_.path().c_str(), 0755);
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      if (entry.is_directory()) ::chmod(entry.path().c_str(), 0755);
    }
  }

  void link_to(const fs::path& directory) const {
    ::chmod(directory.c_str(), 0755);
    for (const auto& name : names_) {
      fs::create_directories((directory / name).parent_path());
      fs::create_symlink(path() / name, directory / name);
    }
  }

  [[nodiscard]] const fs::path& path() const noexcept { return directory_.path(); }

 private:
  TempDir directory_;
  std::vector<fs::path> names_;
};

inline const Original& original() {
  static const Original made;
  return made;
}

inline void replace(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  fs::remove(path);
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline void write_modules(const fs::path& directory) {
  json modules = json::parse(read(directory / "modules.json"));
  const json dense = {{"idx", 9}, {"name", "9"}, {"path", "2_Dense"}, {"type", "sentence_transformers.models.Dense"}};
  modules.insert(modules.begin() + 2, dense);
  replace(directory / "modules.json", modules.dump());
  replace(directory / "2_Dense/config.json", R"({"in_features": 64, "out_features": 32, "bias": true,
    "activation_function": "torch.nn.modules.linear.Identity"})");
  replace(directory / "2_Dense/model.safetensors", read(original().path() / "model.safetensors"));
}

inline void write_shards(const fs::path& directory) {
  json map = json::object();
  const std::string bytes = read(directory / "model.safetensors");
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  const json header = json::parse(bytes.substr(sizeof header_bytes, header_bytes));
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") map[name] = "model-1.safetensors";
  }
  replace(directory / "model-1.safetensors", bytes);
  replace(directory / "model.safetensors.index.json", json{{"weight_map", map}}.dump());
  fs::remove(directory / "model.safetensors");
}

inline void write_adapter(const fs::path& directory) {
  const json adapter = {{"peft_type", "LORA"},
                        {"base_model_name_or_path", original().path().string()},
                        {"r", 2},
                        {"target_modules", {"query"}}};
  replace(directory / "adapter_config.json", adapter.dump());
  replace(directory / "adapter_model.safetensors", read(original().path() / "model.safetensors"));
  for (const char* name : {"config.json", "model.safetensors"}) fs::remove(directory / name);
}

struct File {
  const char* name;
  std::function<void(const fs::path& directory)> prepare = [](const fs::path&) {};

  [[nodiscard]] bool is_json() const { return std::string_view(name).ends_with(".json"); }
};

inline const std::vector<File>& files() {
  static const std::vector<File> all = {
      {"config.json"},
      {"modules.json"},
      {"1_Pooling/config.json"},
      {"2_Dense/config.json", write_modules},
      {"2_Dense/model.safetensors", write_modules},
      {"sentence_bert_config.json"},
      {"config_sentence_transformers.json",
       [](const auto& at) { replace(at / "config_sentence_transformers.json", R"({"prompts": {}})"); }},
      {"tokenizer.json"},
      {"tokenizer_config.json"},
      {"special_tokens_map.json",
       [](const auto& at) { replace(at / "tokenizer_config.json", R"({"tokenizer_class": "XLMRobertaTokenizer"})"); }},
      {"added_tokens.json", [](const auto& at) { replace(at / "added_tokens.json", R"({"<mask>": 903})"); }},
      {"sentencepiece.bpe.model", [](const auto& at) { fs::remove(at / "tokenizer.json"); }},
      {"model.safetensors"},
      {"model.safetensors.index.json", write_shards},
      {"model-1.safetensors", write_shards},
      {"pytorch_model.bin",
       [](const auto& at) {
         fs::remove(at / "model.safetensors");
         replace(at / "pytorch_model.bin", read(at / "sparse_linear.pt"));
       }},
      {"sparse_linear.pt"},
      {"colbert_linear.pt"},
      {"adapter_config.json", write_adapter},
      {"adapter_model.safetensors", write_adapter},
  };
  return all;
}

}  // namespace bgem3::test::every_model_file
