#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "config/config_files.h"
#include "support/deep_json.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

using namespace bgem3;
using test::contains;
using test::expect_error;

namespace {

const char* const xlm_roberta = R"({
  "model_type": "xlm-roberta", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
  "intermediate_size": 128, "vocab_size": 250002, "max_position_embeddings": 8194, "type_vocab_size": 1,
  "pad_token_id": 1, "layer_norm_eps": 1e-05, "hidden_act": "gelu", "position_embedding_type": "absolute"})";

const char* const bert = R"({
  "model_type": "bert", "hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12,
  "intermediate_size": 1536, "vocab_size": 250037, "max_position_embeddings": 512, "pad_token_id": 0})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

ModelConfig parse(const std::string& config) { return parse_model_config({config, {}, {}, {}}); }

std::string bad(const ConfigFiles& files) {
  return expect_error(ErrorCode::bad_model, [&] { parse_model_config(files); });
}

}  // namespace

TEST_CASE("a bare XLM-R directory is read as BGE-M3") {
  const auto config = parse(xlm_roberta);
  CHECK(config.architecture == Architecture::xlm_roberta);
  CHECK(config.first_position() == 2);
  CHECK(config.pooling == Pooling::cls);
  CHECK(config.normalize);
  CHECK(config.max_length == 8192);
}

TEST_CASE("BERT counts positions from 0 and is limited by its table") {
  const auto config = parse(bert);
  CHECK(config.architecture == Architecture::bert);
  CHECK(config.first_position() == 0);
  CHECK(config.token_types == 2);
  CHECK(config.max_length == 512);
}

TEST_CASE("sentence-transformers files set pooling, normalisation and length") {
  ConfigFiles files{bert, R"([
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}])",
                    R"({"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true})",
                    R"({"max_seq_length": 128, "do_lower_case": false})"};
  auto config = parse_model_config(files);
  CHECK(config.pooling == Pooling::mean);
  CHECK_FALSE(config.normalize);
  CHECK(config.max_length == 128);

  files.modules = R"([
    {"path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
    {"path": "pool", "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
    {"path": "2_Normalize", "type": "sentence_transformers.sentence_transformer.modules.normalize.Normalize"}])";
  files.pooling = R"({"pooling_mode": "cls"})";
  files.sentence_bert = R"({"max_seq_length": null})";
  config = parse_model_config(files);
  CHECK(config.normalize);
  CHECK(config.pooling == Pooling::cls);
  CHECK(config.max_length == 512);
  CHECK(pooling_directory(files.modules) == "pool");
  CHECK(pooling_directory(std::nullopt) == "1_Pooling");
  for (const char* path : {"../1_Pooling", "pool/../..", "/etc"}) {
    const auto modules = std::string(R"([{"type": "Pooling", "path": ")") + path + R"("}])";
    CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)pooling_directory(modules); }),
                   "expected a folder of the model directory"));
  }
}

TEST_CASE("a length beyond the position table is cut to it") {
  CHECK(parse_model_config({bert, {}, {}, R"({"max_seq_length": 4000})"}).max_length == 512);
}

TEST_CASE("what is not supported is refused by name") {
  const auto refuse = [](const char* from, const char* to) {
    return bad({replaced(xlm_roberta, from, to), {}, {}, {}});
  };
  CHECK(contains(refuse("\"xlm-roberta\"", "\"deberta-v2\""), "deberta-v2"));
  CHECK(contains(refuse("\"gelu\"", "\"gelu_new\""), "gelu_new"));
  CHECK(contains(refuse("\"gelu\"", "\"relu\""), "relu"));
  CHECK(contains(refuse("\"absolute\"", "\"relative_key_query\""), "relative_key_query"));
  CHECK(contains(refuse("\"pad_token_id\": 1", "\"is_decoder\": true"), "is_decoder"));
  CHECK(contains(bad({xlm_roberta, {}, R"({"pooling_mode_max_tokens": true})", {}}), "'max'"));
  CHECK(contains(bad({xlm_roberta, {}, R"({"pooling_mode_mean_tokens": true, "include_prompt": false})", {}}),
                 "include_prompt"));
  CHECK(contains(bad({xlm_roberta, {}, R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})", {}}),
                 "'cls+mean'"));
  CHECK(contains(bad({xlm_roberta, R"([{"path": "3", "type": "sentence_transformers.models.Dense"}])", {}, {}}),
                 "Dense"));
  CHECK(contains(bad({xlm_roberta, {}, {}, R"({"do_lower_case": true})"}), "do_lower_case"));
}

TEST_CASE("malformed files are errors that name file and key") {
  CHECK(contains(bad({"{\"model_type\": ", {}, {}, {}}), "config.json: is not valid JSON"));
  CHECK(contains(bad({"[]", {}, {}, {}}), "config.json"));
  CHECK(contains(bad({"{}", {}, {}, {}}), "model_type"));
  CHECK(contains(bad({replaced(xlm_roberta, "64", "\"64\""), {}, {}, {}}), "'hidden_size' should be a whole number"));
  CHECK(contains(bad({replaced(xlm_roberta, "64", "-64"), {}, {}, {}}), "hidden_size"));
  CHECK(contains(bad({replaced(xlm_roberta, "64", "65"), {}, {}, {}}), "not a multiple"));
  CHECK(contains(bad({replaced(xlm_roberta, "\"num_hidden_layers\": 2,", ""), {}, {}, {}}), "num_hidden_layers"));
  CHECK(contains(bad({replaced(xlm_roberta, "1e-05", "0"), {}, {}, {}}), "layer_norm_eps"));
  CHECK(contains(bad({replaced(xlm_roberta, "8194", "3"), {}, {}, {}}), "no room"));
  CHECK(contains(bad({xlm_roberta, "{}", {}, {}}), "modules.json"));
  CHECK(contains(bad({xlm_roberta, "[7]", {}, {}}), "modules.json"));
  CHECK(contains(bad({xlm_roberta, {}, {}, R"({"max_seq_length": 1})"}), "max_seq_length"));
}

TEST_CASE("a configuration has a size that it may have") {
  const test::TempDir dir;
  dir.write("config.json", "{\"model_type\": \"xlm-roberta\"" + std::string(16 << 20, ' ') + "}");
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)read_model_config(dir.path()); }),
                 "config.json' has 16777245 bytes, 16777216 at most were expected"));
  dir.write(
      "config.json", "{\"a\": [" + std::string(1, '0') + [] {
        std::string zeros;
        for (int i = 0; i < 1'000'000; ++i) zeros += ",0";
        return zeros;
      }() + "]}");
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)read_model_config(dir.path()); }),
                 "config.json: has more than 1000000 values"));
}

TEST_CASE("values nested without end are refused") {
  CHECK(contains(bad({replaced(xlm_roberta, "64", test::deep_json()), {}, {}, {}}),
                 "config.json: is nested deeper than 64"));
  CHECK(contains(bad({xlm_roberta, "[{\"type\": " + test::deep_json() + "}]", {}, {}}), "modules.json"));
}

TEST_CASE("a directory without config.json is refused with its path") {
  const auto missing = std::filesystem::temp_directory_path() / "bgem3-no-such-directory";
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { read_model_config(missing); }), missing.string()));

  const auto empty = std::filesystem::temp_directory_path() / "bgem3-empty-directory";
  std::filesystem::create_directories(empty);
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { read_model_config(empty); }), "config.json is missing"));
  std::filesystem::remove_all(empty);
}
