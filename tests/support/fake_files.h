#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "config/model_files.h"

namespace bgem3::test {

/// A model directory that is not there: texts by path.
class FakeFiles : public ModelFiles {
 public:
  FakeFiles(std::map<std::string, std::string> texts) : texts_(std::move(texts)) {}

  [[nodiscard]] std::optional<std::string> text(const std::string& path) const override {
    const auto found = texts_.find(path);
    return found == texts_.end() ? std::nullopt : std::optional(found->second);
  }

  [[nodiscard]] bool has(const std::string& path) const override { return texts_.contains(path); }

 private:
  std::map<std::string, std::string> texts_;
};

}  // namespace bgem3::test
