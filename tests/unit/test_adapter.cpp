#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "config/adapter.h"
#include "config/base_model.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

using namespace bgem3;
using detail::is_targeted;
using detail::lora_term;
using test::contains;

namespace {

namespace fs = std::filesystem;

constexpr const char* query = "encoder.layer.3.attention.self.query";

// With further members: ", \"r\": 4".
std::string adapter_text(const std::string& more) {
  return R"({"peft_type": "LORA", "base_model_name_or_path": "base", "target_modules": ["query", "output.dense"])" +
         more + "}";
}

LoraAdapter parse(const std::string& more) { return detail::read_adapter("adapter_config.json", adapter_text(more)); }

std::string refusal(const std::string& more) {
  return test::expect_error(ErrorCode::bad_model, [&] { (void)parse(more); });
}

// An environment variable, as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { old_.empty() ? unsetenv(name_) : setenv(name_, old_.c_str(), 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::string old_;
};

}  // namespace

TEST_CASE("an adapter changes the layers whose names end as it says") {
  const auto adapter = parse("");
  CHECK(is_targeted(adapter, query));
  CHECK(is_targeted(adapter, "encoder.layer.3.attention.output.dense"));
  CHECK_FALSE(is_targeted(adapter, "encoder.layer.3.intermediate.dense"));
  CHECK_FALSE(is_targeted(adapter, "encoder.layer.3.attention.self.subquery"));
  CHECK_FALSE(is_targeted(parse(R"(, "exclude_modules": ["attention.output.dense"])"),
                          "encoder.layer.3.attention.output.dense"));
  CHECK_FALSE(is_targeted(parse(R"(, "layers_to_transform": 2)"), query));
  CHECK(is_targeted(parse(R"(, "layers_to_transform": [2, 3])"), query));
  CHECK_FALSE(is_targeted(parse(R"(, "layers_to_transform": [3])"), "pooler.output.dense"));
  CHECK(is_targeted(parse(R"(, "target_modules": "all-linear")"), "encoder.layer.0.anything"));
}

TEST_CASE("the number of a layer is found as peft finds it") {
  const auto first = parse(R"(, "layers_to_transform": 1)");
  CHECK(is_targeted(first, "model.layers.1.mlp.query"));
  CHECK(is_targeted(first, "model.layers.1.experts.0.query"));
  CHECK_FALSE(is_targeted(first, "model.layers.0.experts.1.query"));
  CHECK_FALSE(is_targeted(first, "layers.1.query"));  // peft wants something before "layers"
  CHECK_FALSE(is_targeted(first, "model.layers.1x.query"));
  const auto named = parse(R"(, "layers_to_transform": 1, "layers_pattern": ["experts", "layers"])");
  CHECK(is_targeted(named, "model.layers.0.experts.1.query"));
  CHECK(is_targeted(named, "layers.1.query"));
  CHECK_FALSE(is_targeted(named, "model.layer.1.query"));
}

TEST_CASE("what an adapter adds is scaled by its rank") {
  CHECK(lora_term(parse(""), query).scale == doctest::Approx(1));
  CHECK(lora_term(parse(R"(, "r": 4, "lora_alpha": 2)"), query).scale == doctest::Approx(0.5));
  CHECK(lora_term(parse(R"(, "r": 4, "lora_alpha": 2, "use_rslora": true)"), query).scale == doctest::Approx(1));
  const auto patterns = parse(R"(, "r": 4, "rank_pattern": {"self.query": 16}, "alpha_pattern": {"^encoder": 3})");
  CHECK(lora_term(patterns, query).rank == 16);
  CHECK(lora_term(patterns, query).scale == doctest::Approx(0.5));
  CHECK(lora_term(patterns, "encoder.layer.0.output.dense").rank == 4);
  // peft would take the one that comes first in the file.
  const auto two = parse(R"(, "alpha_pattern": {"query": 3, "self.query": 4})");
  CHECK(contains(test::expect_error(ErrorCode::bad_model, [&] { (void)lora_term(two, query); }), "two numbers"));
}

TEST_CASE("an adapter of another kind is refused by key") {
  for (const std::string key :
       {"bias", "fan_in_fan_out", "lora_bias", "use_dora", "use_qalora", "modules_to_save", "init_lora_weights",
        "layer_replication", "target_parameters", "trainable_token_indices", "alora_invocation_tokens", "arrow_config",
        "use_bdlora", "kasa_config", "megatron_config", "loftq_config", "revision", "unheard_of"}) {
    CAPTURE(key);
    CHECK(contains(refusal(", \"" + key + R"(": ["other"])"), "adapter_config.json: "));
    CHECK(contains(refusal(", \"" + key + R"(": ["other"])"), "'" + key + "'"));
  }
  // In files of other versions of peft, null is what a key says that does not matter.
  for (const std::string key :
       {"fan_in_fan_out", "use_dora", "modules_to_save", "layers_pattern", "arrow_config", "revision"}) {
    CAPTURE(key);
    CHECK_NOTHROW((void)parse(", \"" + key + R"(": null)"));
  }
  CHECK_NOTHROW((void)parse(R"(, "layers_pattern": "")"));
  for (const char* value : {"[\"lay.*\"]", "\"a.b\"", "[1]", "{\"a\": 1}"}) {
    CAPTURE(value);
    CHECK(contains(refusal(std::string(R"(, "layers_pattern": )") + value), "'layers_pattern'"));
  }
  CHECK(contains(refusal(R"(, "peft_type": "IA3")"), "merge_and_unload"));
  CHECK(contains(refusal(R"(, "base_model_name_or_path": "")"), "base_model_name_or_path"));
  for (const char* value : {"[]", "null", "[3]", "\".*query\"", "{}"}) {
    CAPTURE(value);
    CHECK(contains(refusal(std::string(R"(, "target_modules": )") + value), "target_modules"));
  }
  for (const char* value : {R"({"que.*": 3})", R"({"query": 0})", R"({"query": "3"})", R"({"": 3})", "3"}) {
    CAPTURE(value);
    CHECK(contains(refusal(std::string(R"(, "rank_pattern": )") + value), "rank_pattern"));
  }
  for (const char* value : {"-1", "[1, -1]", "\"1\"", "[3000000000]"}) {
    CAPTURE(value);
    CHECK(contains(refusal(std::string(R"(, "layers_to_transform": )") + value), "layers_to_transform"));
  }
  CHECK(contains(refusal(R"(, "r": 0)"), "'r'"));
  for (const char* rank : {"2.5", "1e300"}) {
    CHECK(contains(refusal(std::string(R"(, "rank_pattern": {"query": )") + rank + "}"), "rank_pattern"));
  }
  CHECK(contains(refusal(R"(, "target_modules": "all-linear", "layers_to_transform": [1])"), "layers_to_transform"));
}

TEST_CASE("lists of an adapter have a limit") {
  const auto list = [](int size, const std::string& first, const std::string& entry, const std::string& last) {
    std::string text = first;
    for (int i = 0; i < size; ++i) text += (i == 0 ? "" : ", ") + fmt::format(fmt::runtime(entry), i);
    return text + last;
  };
  const auto targets = [&](int size) { return list(size, R"(, "target_modules": [)", R"("m{}")", "]"); };
  const auto layers = [&](int size) { return list(size, R"(, "layers_to_transform": [)", "{}", "]"); };
  const auto ranks = [&](int size) { return list(size, R"(, "rank_pattern": {)", R"("m{}": 2)", "}"); };
  CHECK(parse(targets(10'000)).targets->size() == 10'000);
  CHECK(parse(layers(10'000)).layers.size() == 10'000);
  CHECK(parse(ranks(10'000)).rank_pattern.size() == 10'000);
  CHECK(contains(refusal(targets(10'001)), "at most 10000 modules"));
  CHECK(contains(refusal(layers(10'001)), "layers_to_transform"));
  CHECK(contains(refusal(ranks(10'001)), "at most 10000 modules"));
}

TEST_CASE("numbers of an adapter do not wrap around") {
  for (const char* number : {"2147483648", "9223372036854775808", "18446744073709551615", "-1"}) {
    CAPTURE(number);
    const std::string text = number;
    CHECK(contains(refusal(", \"layers_to_transform\": [" + text + "]"), "layers_to_transform"));
    CHECK(contains(refusal(", \"r\": " + text), "'r' should be a whole number"));
    CHECK(contains(refusal(", \"rank_pattern\": {\"m\": " + text + "}"), "'m' should be a"));
  }
}

TEST_CASE("a base is a directory, or lies in a Hugging Face cache") {
  const test::TempDir dir;
  fs::create_directories(dir.path() / "base");
  dir.write("base/config.json", "{}");
  CHECK(find_base_model(dir.path(), (dir.path() / "base").string()) == dir.path() / "base");

  const fs::path snapshot = "models--org--m.3/snapshots/abc";
  for (const std::string cache : {"hub", "other"}) {
    fs::create_directories(dir.path() / cache / snapshot);
    fs::create_directories(dir.path() / cache / "models--org--m.3/refs");
    dir.write(cache + "/models--org--m.3/refs/main", "abc");
    dir.write(cache + "/" + snapshot.string() + "/config.json", "{}");
  }
  const Variable cache("HF_HUB_CACHE", "");
  const Variable home("HF_HOME", dir.path().string());
  CHECK(find_base_model(dir.path(), "org/m.3") == dir.path() / "hub" / snapshot);
  // Both came from the same cache.
  const auto adapter = dir.path() / "other/models--org--lora/snapshots/1";
  CHECK(find_base_model(adapter, "org/m.3") == dir.path() / "other" / snapshot);
  {
    const Variable named("HF_HUB_CACHE", (dir.path() / "other").string());
    CHECK(find_base_model(dir.path(), "org/m.3") == dir.path() / "other" / snapshot);
  }

  const auto missing = [&](const char* name) {
    return test::expect_error(ErrorCode::bad_model, [&] { (void)find_base_model(dir.path(), name); });
  };
  CHECK(contains(missing("org/m.4"), "hf download org/m.4"));
  CHECK(contains(missing("org/m.4"), "'" + (dir.path() / "hub").string() + "'"));
  for (const char* name : {"", "../m3", "/no/model", "a/b/c", "a b", ".m3", "m3\n"}) {
    CAPTURE(name);
    CHECK(contains(missing(name), "base_model_name_or_path"));
  }
}
