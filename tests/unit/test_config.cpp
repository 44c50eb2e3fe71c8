#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "config/model_files.h"
#include "support/deep_json.h"
#include "support/expect_error.h"
#include "support/fake_files.h"
#include "support/temp_dir.h"

using namespace bgem3;
using test::contains;
using test::expect_error;

namespace {

using Texts = std::map<std::string, std::string>;

const char* const xlm_roberta = R"({
  "model_type": "xlm-roberta", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
  "intermediate_size": 128, "vocab_size": 250002, "max_position_embeddings": 8194, "type_vocab_size": 1,
  "pad_token_id": 1, "layer_norm_eps": 1e-05, "hidden_act": "gelu", "position_embedding_type": "absolute"})";

const char* const bert = R"({
  "model_type": "bert", "hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12,
  "intermediate_size": 1536, "vocab_size": 250037, "max_position_embeddings": 512, "pad_token_id": 0})";

const std::string transformer = R"({"path": "", "type": "sentence_transformers.models.Transformer"})";
const std::string pooling = R"({"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"})";
const std::string normalize = R"({"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"})";

std::string dense(const std::string& folder) {
  return R"({"path": ")" + folder + R"(", "type": "sentence_transformers.models.Dense"})";
}

template <typename... Modules>
std::string modules(const std::string& first, const Modules&... rest) {
  return "[" + (first + ... + (", " + rest)) + "]";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// A directory of sentence-transformers, with some of its files replaced.
Texts sentence_directory(const Texts& changes = {}) {
  Texts texts = {{"config.json", xlm_roberta},
                 {"modules.json", modules(transformer, pooling, normalize)},
                 {"1_Pooling/config.json", R"({"word_embedding_dimension": 64, "pooling_mode_mean_tokens": true})"}};
  for (const auto& [file, text] : changes) texts[file] = text;
  return texts;
}

ModelConfig parse(const Texts& texts, ModelKind kind = ModelKind::embedder) {
  return parse_model_config(test::FakeFiles(texts), kind);
}

std::string bad(const Texts& texts, ModelKind kind = ModelKind::embedder) {
  return expect_error(ErrorCode::bad_model, [&] { parse(texts, kind); });
}

std::string bad_config(const std::string& config) { return bad({{"config.json", config}}); }

// Where file and key of a message are expected, and what else it says.
void check_refused(const Texts& changes, const char* file, const char* key) {
  CAPTURE(file);
  CAPTURE(key);
  const auto message = bad(sentence_directory(changes));
  CHECK(contains(message, file));
  CHECK(contains(message, key));
}

}  // namespace

TEST_CASE("a bare directory is read as sentence-transformers reads it, one with both heads as FlagEmbedding does") {
  const auto bare = parse({{"config.json", xlm_roberta}});
  CHECK(bare.architecture == Architecture::xlm_roberta);
  CHECK(bare.first_position() == 2);
  CHECK(bare.pooling == std::vector{Pooling::mean});
  CHECK_FALSE(bare.normalize);
  CHECK(bare.max_length == 8192);
  CHECK(has_assumed_pooling(bare));

  const auto m3 = parse({{"config.json", xlm_roberta}, {"sparse_linear.pt", ""}, {"colbert_linear.pt", ""}});
  CHECK(m3.pooling == std::vector{Pooling::cls});
  CHECK(m3.normalize);
  CHECK(has_assumed_pooling(m3));
  CHECK_FALSE(parse({{"config.json", xlm_roberta}, {"sparse_linear.pt", ""}}).normalize);
}

TEST_CASE("a directory whose modules.json is missing is incomplete") {
  for (const char* file : {"config_sentence_transformers.json", "sentence_bert_config.json",
                           "sentence_xlm-roberta_config.json", "1_Pooling/config.json"}) {
    const auto message = bad({{"config.json", xlm_roberta}, {file, "{}"}});
    CHECK(contains(message, "modules.json is missing"));
    CHECK(contains(message, file));
  }
}

TEST_CASE("BERT counts positions from 0 and is limited by its table") {
  const auto config = parse({{"config.json", bert}});
  CHECK(config.architecture == Architecture::bert);
  CHECK(config.first_position() == 0);
  CHECK(config.token_types == 2);
  CHECK(config.max_length == 512);
}

TEST_CASE("modules are applied in the order of the list") {
  auto config = parse(sentence_directory());
  CHECK(config.pooling == std::vector{Pooling::mean});
  CHECK(config.normalize);
  CHECK(config.sources.at("pooling") == "1_Pooling/config.json: pooling_mode");
  CHECK(config.sources.at("normalize") == "modules.json: Normalize");
  CHECK(config.dense_size() == 64);

  config = parse(sentence_directory({{"modules.json", modules(transformer, pooling)}}));
  CHECK_FALSE(config.normalize);

  SUBCASE("what comes before the last Pooling has no effect") {
    config = parse(sentence_directory({{"modules.json", modules(transformer, normalize, pooling)}}));
    CHECK_FALSE(config.normalize);
    const auto second = replaced(pooling, "1_Pooling", "pool");
    config = parse(sentence_directory({{"modules.json", modules(transformer, pooling, normalize, second)},
                                       {"pool/config.json", R"({"pooling_mode": "cls"})"}}));
    CHECK(config.pooling == std::vector{Pooling::cls});
    CHECK_FALSE(config.normalize);
  }
  SUBCASE("Dropout does nothing") {
    const auto dropout = replaced(normalize, "Normalize\"}", "Dropout\"}");
    config = parse(sentence_directory({{"modules.json", modules(transformer, pooling, dropout)}}));
    CHECK_FALSE(config.normalize);
  }
  SUBCASE("later spellings of the classes") {
    config = parse(sentence_directory({{"modules.json", R"([
      {"path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
      {"path": "1_Pooling", "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
      {"path": "2_Normalize", "type": "sentence_transformers.base.modules.normalize.Normalize"}])"}}));
    CHECK(config.normalize);
  }
}

TEST_CASE("Dense modules lie between pooling and the vector") {
  const auto config = parse(sentence_directory(
      {{"modules.json", modules(transformer, pooling, dense("2"), normalize, dense("3"))},
       {"2/config.json", R"({"in_features": 64, "out_features": 48,
                             "activation_function": "torch.nn.modules.linear.Identity"})"},
       {"3/config.json", R"({"in_features": 48, "out_features": 32, "bias": false, "use_residual": true})"}}));
  REQUIRE(config.dense.size() == 2);
  CHECK(config.dense[0].activation == "Identity");
  CHECK(config.dense[0].has_bias);
  CHECK_FALSE(config.dense[0].normalize_input);
  CHECK(config.dense[1].activation == "Tanh");
  CHECK_FALSE(config.dense[1].has_bias);
  CHECK(config.dense[1].has_residual);
  CHECK(config.dense[1].normalize_input);
  CHECK_FALSE(config.normalize);
  CHECK(config.dense_size() == 32);

  const auto one = modules(transformer, pooling, dense("2"));
  const auto refuse = [&](const char* text, const char* key) {
    check_refused({{"modules.json", one}, {"2/config.json", text}}, "2/config.json", key);
  };
  refuse("{}", "in_features");
  refuse(R"({"in_features": 64})", "out_features");
  refuse(R"({"in_features": 64, "out_features": 0})", "out_features");
  refuse(R"({"in_features": 64, "out_features": 2000000})", "at most 1048576");
  refuse(R"({"in_features": 32, "out_features": 8})", "'in_features' should be 64");
  refuse(R"({"in_features": 64, "out_features": 8, "activation_function": "my.Own"})", "activation_function");
  refuse(R"({"in_features": 64, "out_features": 8, "module_input_name": "token_embeddings"})", "module_input_name");
  refuse(R"({"in_features": 64, "out_features": 8, "scale": 2})", "'scale'");
  check_refused({{"modules.json", one}}, "modules.json", "2/config.json is missing");
  check_refused({{"modules.json", modules(transformer, dense("2"), pooling)}}, "modules.json", "Dense");
}

TEST_CASE("all ways of pooling, of older files and newer ones") {
  const auto read = [](const std::string& text) {
    return parse(sentence_directory({{"1_Pooling/config.json", text}})).pooling;
  };
  const std::map<std::string, Pooling> flags = {{"cls_token", Pooling::cls},
                                                {"max_tokens", Pooling::max},
                                                {"mean_tokens", Pooling::mean},
                                                {"mean_sqrt_len_tokens", Pooling::mean_sqrt_len},
                                                {"weightedmean_tokens", Pooling::weighted_mean},
                                                {"lasttoken", Pooling::last_token}};
  for (const auto& entry : flags) {
    CAPTURE(entry.first);
    const std::vector expected{entry.second};
    const std::string name = to_string(entry.second);
    CHECK(read("{\"pooling_mode_" + entry.first + "\": true}") == expected);
    CHECK(read("{\"pooling_mode\": \"" + name + "\"}") == expected);
    CHECK(pooling_of_name(name) == entry.second);
  }
  CHECK(
      read(R"({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true, "pooling_mode_max_tokens": true})") ==
      std::vector{Pooling::cls, Pooling::max, Pooling::mean});
  CHECK(read(R"({"pooling_mode": ["mean", "cls"]})") == std::vector{Pooling::mean, Pooling::cls});
  CHECK(read(R"({"pooling_mode": "mean", "pooling_mode_cls_token": true})") == std::vector{Pooling::mean});
  CHECK(read(R"({"pooling_mode_cls_token": false})") == std::vector{Pooling::mean});
  CHECK(to_string(std::vector{Pooling::cls, Pooling::max}) == "cls+max");
}

TEST_CASE("the encoder may lie in a folder of its own") {
  auto texts =
      sentence_directory({{"modules.json", modules(replaced(transformer, "\"\"", "\"0_Transformer\""), pooling)},
                          {"0_Transformer/config.json", xlm_roberta},
                          {"0_Transformer/sentence_bert_config.json", R"({"max_seq_length": 99})"}});
  texts.erase("config.json");
  const auto config = parse(texts);
  CHECK(config.encoder_folder == "0_Transformer");
  CHECK(config.max_length == 99);
  CHECK(config.sources.at("max_length") == "0_Transformer/sentence_bert_config.json: max_seq_length");
}

TEST_CASE("the maximal length comes from the first place that states it") {
  const auto length = [](const Texts& changes) { return parse(sentence_directory(changes)).max_length; };
  const Texts tokenizer = {{"tokenizer_config.json", R"({"model_max_length": 300})"}};
  CHECK(length({}) == 8192);
  CHECK(length(tokenizer) == 300);
  CHECK(parse({{"config.json", xlm_roberta}, {"tokenizer_config.json", R"({"model_max_length": 300})"}}).max_length ==
        300);
  CHECK(length({{"tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})"}}) == 8192);
  const auto both = [&](const char* name, const char* text) {
    Texts changes = tokenizer;
    changes[name] = text;
    return length(changes);
  };
  CHECK(both("sentence_bert_config.json", R"({"max_seq_length": 128})") == 128);
  CHECK(both("sentence_bert_config.json", R"({"max_seq_length": null})") == 300);
  CHECK(both("sentence_xlm-roberta_config.json", R"({"max_seq_length": 128})") == 128);
  CHECK(length({{"sentence_bert_config.json", "{}"}, {"sentence_roberta_config.json", R"({"max_seq_length": 128})"}}) ==
        128);
  CHECK(both("sentence_bert_config.json", R"({"max_seq_length": 128, "tokenizer_args": {"model_max_length": 64}})") ==
        64);
  CHECK(both("sentence_bert_config.json", R"({"processing_kwargs": {"text": {"max_length": 32}}})") == 32);
  CHECK(length({{"sentence_bert_config.json", R"({"max_seq_length": 9000})"}}) == 8192);
}

TEST_CASE("how a text becomes ids") {
  const auto read = [](const char* text) { return parse(sentence_directory({{"sentence_bert_config.json", text}})); };
  CHECK(read(R"({"processor_kwargs": {"truncation_side": "left"}})").truncate_left == true);
  CHECK_FALSE(read("{}").truncate_left);
  CHECK(read(R"({"transformer_task": "feature-extraction", "module_output_name": "token_embeddings", "modality_config":
             {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}})")
            .max_length == 8192);
}

TEST_CASE("prompts, similarity and dimension") {
  const auto read = [](const char* text) {
    return parse(sentence_directory({{"config_sentence_transformers.json", text}}));
  };
  const auto config = read(R"({"__version__": {"sentence_transformers": "6.2.0"}, "model_type": "SentenceTransformer",
    "prompts": {"query": "query: ", "document": ""}, "default_prompt_name": "query", "similarity_fn_name": "dot",
    "truncate_dim": 32})");
  CHECK(config.prompts.by_name == std::map<std::string, std::string>{{"query", "query: "}, {"document", ""}});
  CHECK(config.prompts.default_name == "query");
  CHECK(config.similarity == Similarity::dot);
  CHECK(config.truncate_dim == 32);
  CHECK(config.sources.at("truncate_dim") == "config_sentence_transformers.json: truncate_dim");
  CHECK(read("{}").similarity == Similarity::cosine);
  CHECK(read("{}").sources.at("similarity") == "assumed");
}

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
  check_refused({{sentence, R"({"do_lower_case": true})"}}, sentence, "do_lower_case");
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
  for (const char* path : {"../1_Pooling", "pool/../..", "/etc"}) {
    check_refused({{list, modules(transformer, replaced(pooling, "1_Pooling", path))}}, list,
                  "expected a folder of the model directory");
  }
  std::string many = transformer;
  for (int i = 0; i < 64; ++i) many += ", " + normalize;
  check_refused({{list, "[" + many + "]"}}, list, "more than 64");
}

TEST_CASE("an adapter takes the sizes from its base") {
  const Texts adapter = {{"adapter_config.json", R"({"peft_type": "LORA", "base_model_name_or_path": "base",
                                                      "target_modules": ["query"]})"},
                         {"base/config.json", replaced(xlm_roberta, "128", "256")}};
  auto texts = sentence_directory(adapter);
  texts.erase("config.json");
  const auto config = parse(texts);
  REQUIRE(config.adapter);
  CHECK(config.adapter->base == "base");
  CHECK_FALSE(config.adapter->has_own_weights);
  CHECK(config.intermediate_size == 256);
  CHECK(config.sources.at("intermediate_size") == "base/config.json: intermediate_size");
  CHECK(config.sources.at("max_length") == "base/config.json: max_position_embeddings");
  // Beside weights of its own as well.
  const auto own = parse(sentence_directory(adapter));
  CHECK(own.adapter->has_own_weights);
  CHECK(own.intermediate_size == 256);

  texts["base/adapter_config.json"] = texts["adapter_config.json"];
  CHECK(contains(bad(texts), "an adapter itself"));
  CHECK(contains(bad(texts, ModelKind::reranker), "merge_and_unload"));
  texts.erase("base/adapter_config.json");
  texts["base/modules.json"] = "[]";
  CHECK_NOTHROW(parse(texts));
  texts.erase("base/config.json");
  CHECK(contains(bad(texts), "base/config.json is missing"));
}

TEST_CASE("a cross-encoder's files") {
  const std::string labels = replaced(xlm_roberta, "\"pad_token_id\": 1",
                                      "\"pad_token_id\": 1, \"sentence_transformers\": "
                                      "{\"activation_fn\": \"torch.nn.modules.linear.Identity\", \"version\": \"5\"}");
  CHECK(parse({{"config.json", xlm_roberta}}, ModelKind::reranker).activation == "Sigmoid");
  CHECK(parse({{"config.json", labels}}, ModelKind::reranker).activation == "Identity");
  const std::string old = replaced(xlm_roberta, "\"pad_token_id\": 1",
                                   "\"sbert_ce_default_activation_function\": \"torch.nn.modules.activation.Tanh\"");
  CHECK(parse({{"config.json", old}}, ModelKind::reranker).activation == "Tanh");

  const Texts saved = {{"config.json", xlm_roberta},
                       {"modules.json", modules(transformer)},
                       {"config_sentence_transformers.json",
                        R"({"model_type": "CrossEncoder", "activation_fn": "torch.nn.modules.linear.Identity"})"},
                       {"sentence_bert_config.json", R"({"transformer_task": "sequence-classification",
                        "module_output_name": "scores", "modality_config":
                        {"text": {"method": "forward", "method_output_name": "logits"}}, "max_seq_length": 77})"}};
  const auto config = parse(saved, ModelKind::reranker);
  CHECK(config.activation == "Identity");
  CHECK(config.max_length == 77);
  CHECK(contains(bad(saved), "open it by Reranker"));
  CHECK(contains(bad(sentence_directory(), ModelKind::reranker), "opened by Embedder"));
  Texts prompted = saved;
  prompted["config_sentence_transformers.json"] =
      R"({"model_type": "CrossEncoder", "prompts": {"query": "q: "}, "default_prompt_name": "query"})";
  CHECK(contains(bad(prompted, ModelKind::reranker), "'default_prompt_name'"));
  CHECK(contains(bad({{"config.json", replaced(old, "torch.nn.modules.activation.Tanh", "os.system")}}), "os.system"));
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

TEST_CASE("a directory without config.json is refused with its path") {
  const auto missing = std::filesystem::temp_directory_path() / "bgem3-no-such-directory";
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { read_model_config(missing); }), missing.string()));

  const auto empty = std::filesystem::temp_directory_path() / "bgem3-empty-directory";
  std::filesystem::create_directories(empty);
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { read_model_config(empty); }), "config.json is missing"));
  std::filesystem::remove_all(empty);
}
