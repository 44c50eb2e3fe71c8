#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "api/model_fields.h"

using namespace bgem3;

namespace {

template <typename Value>
Value get(const ModelInfo& info, std::string_view name) {
  return std::get<Value>(value_of(describe_model(info), name));
}

bool is_none(const ModelInfo& info, std::string_view name) {
  return std::holds_alternative<std::monostate>(value_of(describe_model(info), name));
}

}  // namespace

TEST_CASE("names are there once") {
  std::set<std::string_view> names;
  for (const auto& field : describe_model(ModelInfo())) CHECK_MESSAGE(names.insert(field.name).second, field.name);
}

TEST_CASE("what a model lacks is none") {
  ModelInfo info;
  for (const char* name : {"truncate_dim", "default_prompt_name", "adapter", "sparse_head", "colbert_head"}) {
    CHECK_MESSAGE(is_none(info, name), name);
  }
  CHECK_FALSE(get<bool>(info, "has_sparse"));
  info.sparse_file = "model/sparse_linear.pt";
  info.config.prompts.default_name = "query";
  CHECK(get<std::filesystem::path>(info, "sparse_head") == "model/sparse_linear.pt");
  CHECK(get<bool>(info, "has_sparse"));
  CHECK(get<std::string>(info, "default_prompt_name") == "query");
}

TEST_CASE("components of a dense vector") {
  ModelInfo info;
  CHECK(get<std::int64_t>(info, "dimension") == 1024);
  info.config.pooling = {Pooling::cls, Pooling::mean};
  CHECK(get<std::int64_t>(info, "dimension") == 2048);
  info.config.dense.push_back({"2_Dense", 2048, 512});
  CHECK(get<std::int64_t>(info, "dimension") == 512);
  CHECK(get<std::vector<std::string>>(info, "dense") == std::vector<std::string>{"2048 to 512, Tanh"});
  for (const std::int64_t kept : {100, 5000}) {
    info.config.truncate_dim = kept;
    CHECK(get<std::int64_t>(info, "dimension") == std::min<std::int64_t>(kept, 512));
    CHECK(get<std::int64_t>(info, "dense_size") == 512);
  }
}

TEST_CASE("files of an adapter") {
  ModelInfo info;
  info.directory = "tuned";
  CHECK(get<std::filesystem::path>(info, "config") == "tuned/config.json");
  info.config.encoder_folder = "0_Transformer";
  info.config.adapter.emplace().base = "base";
  CHECK(get<std::filesystem::path>(info, "config") == "base/config.json");
  CHECK(get<std::filesystem::path>(info, "adapter") == "tuned/0_Transformer/adapter_config.json");
}
