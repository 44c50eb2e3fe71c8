#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/config_files.h"

using namespace bgem3;
using namespace bgem3::test;

TEST_CASE("a bare directory is read as sentence-transformers reads it, one with both heads as FlagEmbedding does") {
  const auto bare = parse({{"config.json", xlm_roberta}});
  CHECK(bare.architecture == "xlm-roberta");
  CHECK(bare.first_position == 2);
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
  CHECK(config.architecture == "bert");
  CHECK(config.first_position == 0);
  CHECK(config.token_types == 2);
  CHECK(config.max_length == 512);
}

TEST_CASE("DistilBERT has names of its own, no token types and a fixed epsilon") {
  const std::string own = R"({"model_type": "distilbert", "vocab_size": 900, "dim": 64, "n_layers": 3, "n_heads": 4,
      "hidden_dim": 256, "max_position_embeddings": 512, "activation": "gelu", "layer_norm_eps": 0.1,
      "sinusoidal_pos_embds": true, "attention_dropout": 0.1, "dropout": 0.1, "qa_dropout": 0.1,
      "seq_classif_dropout": 0.2, "tie_weights_": true, "pad_token_id": 0})";
  const auto config = parse({{"config.json", own}});
  CHECK(config.hidden_size == 64);
  CHECK(config.layers == 3);
  CHECK(config.heads == 4);
  CHECK(config.intermediate_size == 256);
  CHECK(config.token_types == 0);
  CHECK(config.layer_norm_eps == 1e-12);
  CHECK(config.first_position == 0);
  CHECK(config.positions() == 512);
  CHECK(config.sources.at("hidden_size") == "config.json: dim");
  CHECK(contains(bad({{"config.json", replaced(own, "\"n_heads\": 4,", "")}}), "'n_heads'"));
  CHECK(contains(bad({{"config.json", replaced(own, "\"gelu\"", "\"relu\"")}}), "activation 'relu' is not supported"));
}

TEST_CASE("RoBERTa and CamemBERT are read as XLM-RoBERTa, MPNet's padding is 1 whatever its file says") {
  const auto expected = parse({{"config.json", xlm_roberta}});
  for (const char* family : {"roberta", "camembert", "mpnet"}) {
    CAPTURE(family);
    const bool is_mpnet = std::string_view(family) == "mpnet";
    auto text = replaced(xlm_roberta, "xlm-roberta", family);
    if (is_mpnet) text = replaced(text, "\"pad_token_id\": 1", "\"pad_token_id\": 5");
    const auto config = parse({{"config.json", text}});
    CHECK(config.architecture == family);
    CHECK(config.hidden_size == expected.hidden_size);
    CHECK(config.padding_id == 1);
    CHECK(config.first_position == 2);
    CHECK(config.has_padding_position);
    CHECK(config.positions() == expected.positions());
    CHECK(config.token_types == (is_mpnet ? 0 : expected.token_types));
  }
  const auto buckets = R"("model_type": "mpnet", "relative_attention_num_buckets": 64)";
  const auto message = bad({{"config.json", replaced(xlm_roberta, "\"model_type\": \"xlm-roberta\"", buckets)}});
  CHECK(contains(message, "relative_attention_num_buckets 64 is not supported; expected 32"));
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

TEST_CASE("sentence_bert_config.json says whether capitals count") {
  const auto lowercase = [](const char* file) {
    return parse(sentence_directory({{"sentence_bert_config.json", file}})).lowercase;
  };
  CHECK(lowercase(R"({"do_lower_case": true})"));
  CHECK_FALSE(lowercase(R"({"do_lower_case": false})"));
  CHECK_FALSE(lowercase(R"({"do_lower_case": null})"));
  CHECK_FALSE(lowercase("{}"));
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

  const auto with = [](const char* key) {
    return Texts{{"config.json", replaced(xlm_roberta, "\"pad_token_id\": 1", key)}};
  };
  const char *several = R"("id2label": {"0": "no", "1": "yes"})", *one = R"("num_labels": 7, "id2label": {"0": "a"})";
  CHECK(contains(bad(with(several), ModelKind::reranker), "config.json: 'id2label' is"));
  CHECK(contains(bad(with(R"("num_labels": 3)"), ModelKind::reranker), "'num_labels' is 3; expected one label"));
  CHECK(parse(with(one), ModelKind::reranker).hidden_size == parse(with(several)).hidden_size);

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

TEST_CASE("a directory without config.json is refused with its path") {
  const auto missing = std::filesystem::temp_directory_path() / "bgem3-no-such-directory";
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { read_model_config(missing); }), missing.string()));

  const auto empty = std::filesystem::temp_directory_path() / "bgem3-empty-directory";
  std::filesystem::create_directories(empty);
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { read_model_config(empty); }), "config.json is missing"));
  std::filesystem::remove_all(empty);
}
