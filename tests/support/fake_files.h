#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bgem3/error.h"
#include "config/model_files.h"

namespace bgem3::test {

/// A model directory that is not there: texts by path. Those of another model that it names begin with "NAME/".
class FakeFiles : public ModelFiles {
 public:
  FakeFiles(std::map<std::string, std::string> texts, std::string directory = "model")
      : texts_(std::move(texts)), directory_(std::move(directory)) {}

  [[nodiscard]] std::optional<std::string> text(const std::string& path) const override {
    const auto found = texts_.find(path);
    return found == texts_.end() ? std::nullopt : std::optional(found->second);
  }

  [[nodiscard]] bool has(const std::string& path) const override { return texts_.contains(path); }

  [[nodiscard]] std::unique_ptr<ModelFiles> open(const std::string& name) const override {
    std::map<std::string, std::string> texts;
    for (const auto& [path, text] : texts_) {
      if (path.starts_with(name + "/")) texts.emplace(path.substr(name.size() + 1), text);
    }
    if (texts.empty()) throw Error(ErrorCode::bad_model, "no model '" + name + "'");
    return std::make_unique<FakeFiles>(std::move(texts), name);
  }

  [[nodiscard]] std::filesystem::path directory() const override { return directory_; }

 private:
  std::map<std::string, std::string> texts_;
  std::filesystem::path directory_;
};

}  // namespace bgem3::test
