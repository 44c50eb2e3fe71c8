#include <string>

#include <doctest/doctest.h>

#include "support/config_files.h"
#include "support/deep_json.h"
#include "support/temp_dir.h"

using namespace bgem3;
using namespace bgem3::test;

TEST_CASE("what is not supported is refused by file and key") {
  const auto refuse = [](const char* from, const char* to) { return bad_config(replaced(xlm_roberta, from, to)); };
  CHECK(contains(refuse("\"xlm-roberta\"", "\"deberta-v2\""), "deberta-v2"));
  CHECK(contains(refuse("\"gelu\"", "\"gelu_new\""), "gelu_new"));
  CHECK(contains(refuse("\"gelu\"", "\"relu\""), "relu"));
  CHECK(contains(refuse("\"absolute\"", "\"relative_key_query\""), "relative_key_query"));
  CHECK(contains(refuse("\"pad_token_id\": 1", "\"is_decoder\": true"), "is_decoder"));
  CHECK(contains(refuse("\"pad_token_id\": 1", "\"quantization_config\": {\"bits\": 4}"),
                 "config.json: key 'quantization_config'"));

  const char* const pool = "1_Pooling/config.json";
  check_refused({{pool, R"({"pooling_mode": "attention"})"}}, pool, "\"attention\"");
  check_refused({{pool, R"({"pooling_mode": 3})"}}, pool, "pooling_mode");
  check_refused({{pool, R"({"pooling_mode_cls_token": "yes"})"}}, pool, "pooling_mode_cls_token");
  check_refused({{pool, R"({"pooling_mode": "mean", "include_prompt": false})"}}, pool, "include_prompt");
  check_refused({{pool, R"({"pooling_mode": "mean", "p": 2})"}}, pool, "'p'");

  const char* const sentence = "sentence_bert_config.json";
  check_refused({{sentence, R"({"do_lower_case": 1})"}}, sentence, "do_lower_case");
  check_refused({{sentence, R"({"max_seq_length": 1})"}}, sentence, "max_seq_length");
  check_refused({{sentence, R"({"max_seq_len": 64})"}}, sentence, "max_seq_len");
  check_refused({{sentence, R"({"query_length": 32})"}}, sentence, "query_length");
  check_refused({{sentence, R"({"transformer_task": "fill-mask"})"}}, sentence, "transformer_task");
  check_refused({{sentence, R"({"module_output_name": "sentence_embedding"})"}}, sentence, "module_output_name");
  check_refused({{sentence, R"({"modality_config": {"text": {"method": "get_text_features"}}})"}}, sentence, "method");
  check_refused({{sentence, R"({"tokenizer_args": {"do_lower_case": true}})"}}, sentence, "tokenizer_args");
  check_refused({{sentence, R"({"tokenizer_args": {"truncation_side": "middle"}})"}}, sentence, "truncation_side");
  check_refused({{sentence, R"({"config_args": {"num_hidden_layers": 1}})"}}, sentence, "num_hidden_layers");
  check_refused({{sentence, R"({"model_args": {"subfolder": "x"}})"}}, sentence, "subfolder");
  check_refused({{sentence, R"({"processing_kwargs": {"text": {"stride": 3}}})"}}, sentence, "stride");
  check_refused({{sentence, R"({"processing_kwargs": {"text": {"add_special_tokens": false}}})"}}, sentence,
                "add_special_tokens");
  check_refused({{sentence, R"({"processing_kwargs": {"text": {"truncation": "only_first"}}})"}}, sentence,
                "truncation");
  // What Python's None and False would change.
  check_refused({{sentence, R"({"processing_kwargs": {"text": {"truncation": null}}})"}}, sentence, "truncation");
  check_refused({{sentence, R"({"processing_kwargs": {"common": {"return_attention_mask": false}}})"}}, sentence,
                "return_attention_mask");
  check_refused({{sentence, R"({"tokenizer_args": {"add_prefix_space": false}})"}}, sentence, "add_prefix_space");
  check_refused({{sentence, R"({"tokenizer_args": {"extra_special_tokens": []}})"}}, sentence, "extra_special_tokens");
  check_refused({{sentence, R"({"model_args": {"use_safetensors": false}})"}}, sentence, "use_safetensors");
  check_refused({{pool, R"({"pooling_mode": "mean", "include_prompt": null})"}}, pool, "include_prompt");
  check_refused({{"config.json", replaced(xlm_roberta, "{", R"({"architectures": ["XLMRobertaForCausalLM"],)")}},
                "config.json", "architectures");
  check_refused({{"sentence_roberta_config.json", R"({"hidden": 3})"}}, "sentence_roberta_config.json", "hidden");

  const char* const stated = "config_sentence_transformers.json";
  check_refused({{stated, R"({"similarity_fn_name": "maxsim"})"}}, stated, "maxsim");
  check_refused({{stated, R"({"default_prompt_name": "title"})"}}, stated, "default_prompt_name");
  check_refused({{stated, R"({"truncate_dim": 0})"}}, stated, "truncate_dim");
  check_refused({{stated, R"({"prompts": {"query": 3}})"}}, stated, "query");
  check_refused({{stated, R"({"truncate_dim": -3})"}}, stated, "truncate_dim");
  check_refused({{stated, R"({"model_type": "SparseEncoder"})"}}, stated, "SparseEncoder");
  check_refused({{stated, R"({"model_type": "CrossEncoder"})"}}, stated, "open it by Reranker");
  check_refused({{stated, R"({"soft_prompt": [1]})"}}, stated, "soft_prompt");

  const char* const list = "modules.json";
  check_refused({{list, modules(transformer, normalize)}}, list, "no Pooling");
  check_refused({{list, modules(pooling, transformer)}}, list, "before the Transformer");
  check_refused({{list, modules(transformer, transformer, pooling)}}, list, "two Transformer");
  check_refused({{list, modules(normalize)}}, list, "no Transformer");
  check_refused({{list, "[]"}}, list, "array of modules");
  check_refused({{list, modules(transformer, replaced(pooling, "Pooling\"}", "WeightedLayerPooling\"}"))}}, list,
                "WeightedLayerPooling");
  check_refused({{list, modules(transformer, replaced(pooling, "sentence_transformers.models", "custom_code"))}}, list,
                "custom_code.Pooling");
  check_refused({{list, modules(transformer, replaced(pooling, "\"path\"", "\"kwargs\": [\"task\"], \"path\""))}}, list,
                "kwargs");
  check_refused({{list, R"([{"name": "0", "path": "", "type": "Transformer"},
                            {"name": "0", "path": "1_Pooling", "type": "Pooling"}])"}},
                list, "'0' occurs twice");
  for (const char* path : {"../1_Pooling", "pool/../..", "/etc", "1_Pooling\\u0000x"}) {
    check_refused({{list, modules(transformer, replaced(pooling, "1_Pooling", path))}}, list,
                  "expected a folder of the model directory");
  }
  std::string many = transformer;
  for (int i = 0; i < 64; ++i) many += ", " + normalize;
  check_refused({{list, "[" + many + "]"}}, list, "more than 64");
}

TEST_CASE("malformed files are errors that name file and key") {
  CHECK(contains(bad_config("{\"model_type\": "), "config.json: is not valid JSON"));
  CHECK(contains(bad_config("[]"), "config.json"));
  CHECK(contains(bad_config("version https://git-lfs.github.com/spec/v1\n"), "config.json: this is a Git LFS pointer"));
  CHECK(contains(bad_config("<!DOCTYPE html><html></html>"), "config.json: this is an HTML page"));
  CHECK(contains(bad_config("{}"), "model_type"));
  CHECK(contains(bad_config(replaced(xlm_roberta, "64", "\"64\"")), "'hidden_size' should be a whole number"));
  CHECK(contains(bad_config(replaced(xlm_roberta, "64", "-64")), "hidden_size"));
  CHECK(contains(bad_config(replaced(xlm_roberta, "64", "65")), "not a multiple"));
  CHECK(contains(bad_config(replaced(xlm_roberta, "\"num_hidden_layers\": 2,", "")), "num_hidden_layers"));
  CHECK(contains(bad_config(replaced(xlm_roberta, "1e-05", "0")), "layer_norm_eps"));
  CHECK(contains(bad_config(replaced(xlm_roberta, "8194", "3")), "no room"));
  for (const char* text : {"{}", "[7]", "[{}]", R"([{"type": 3, "path": ""}])"}) {
    CAPTURE(text);
    CHECK(contains(bad(sentence_directory({{"modules.json", text}})), "modules.json"));
  }
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
  std::string prompts;
  for (int i = 0; i <= 10'000; ++i) prompts += (i == 0 ? "\"" : ", \"") + std::to_string(i) + "\": \"\"";
  check_refused({{"config_sentence_transformers.json", "{\"prompts\": {" + prompts + "}}"}},
                "config_sentence_transformers.json", "more than 10000");
}

TEST_CASE("values nested without end are refused") {
  CHECK(contains(bad_config(replaced(xlm_roberta, "64", test::deep_json())), "config.json: is nested deeper than 64"));
  CHECK(
      contains(bad(sentence_directory({{"modules.json", "[{\"type\": " + test::deep_json() + "}]"}})), "modules.json"));
}

TEST_CASE("lists and sizes of modules have a limit") {
  const auto modes = [](std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) list += i == 0 ? "\"mean\"" : ", \"mean\"";
    return "{\"pooling_mode\": [" + list + "]}";
  };
  const char* const pool = "1_Pooling/config.json";
  CHECK(parse(sentence_directory({{pool, modes(16)}})).pooling.size() == 16);
  check_refused({{pool, modes(17)}}, pool, "more than 16");

  const char* const file = "2_Dense/config.json";
  const auto with_dense = [&](const std::string& features) {
    return Texts{{"modules.json", modules(transformer, pooling, dense("2_Dense"))},
                 {file, R"({"in_features": 64, "out_features": )" + features + "}"}};
  };
  CHECK(parse(sentence_directory(with_dense("1048576"))).dense.size() == 1);
  check_refused(with_dense("1048577"), file, "at most 1048576");
}

TEST_CASE("numbers of a configuration have a limit") {
  const auto with = [](const std::string& number) { return replaced(xlm_roberta, "8194", number); };
  CHECK(parse({{"config.json", with("2147483647")}}).position_rows == 2147483647);
  const std::string at_most = "'max_position_embeddings' should be a whole number from 1 to 2147483647, found ";
  CHECK(contains(bad_config(with("2147483648")), at_most + "2147483648"));
  CHECK(contains(bad_config(with("9223372036854775807")), at_most + "9223372036854775807"));
  CHECK(contains(bad_config(with("-9223372036854775808")), at_most + "-9223372036854775808"));
  // As 64 bits with a sign, these would be negative.
  for (const char* number : {"9223372036854775808", "18446744073709551615"}) {
    CHECK(contains(bad_config(with(number)), std::string("found ") + number));
  }
  CHECK(contains(bad_config(with("1e300")), "found 1e+300"));
  CHECK(contains(bad_config(with("1e400")), "config.json: has a number beyond the range of float64, 1e400"));
}

TEST_CASE("what a file says is not repeated at any length") {
  const std::string huge(1 << 20, 'x');
  for (const std::string& text :
       {replaced(xlm_roberta, "\"gelu\"", "\"" + huge + "\""),
        replaced(xlm_roberta, "\"xlm-roberta\"", "\"" + huge + "\""), replaced(xlm_roberta, "64", "[\"" + huge + "\"]"),
        replaced(xlm_roberta, "{", "{\"" + huge + "\": \"" + huge + "\",")}) {
    const std::string message = bad_config(text);
    CHECK(message.size() < 1000);
    CHECK(contains(message, "x…x"));
  }
  std::string prompts;
  for (int i = 0; i < 1000; ++i) prompts += "\"" + std::to_string(i) + huge.substr(0, 1000) + "\": \"\", ";
  const auto config = parse(
      sentence_directory({{"config_sentence_transformers.json", "{\"prompts\": {" + prompts + "\"query\": \"\"}}"}}));
  const auto message =
      expect_error(ErrorCode::invalid_argument, [&] { (void)config.prompts.find(std::nullopt, "none"); });
  CHECK(contains(message, " and 981 more; found 'none'"));
}
