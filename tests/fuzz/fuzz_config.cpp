// Any bytes as the configuration files of a model directory, separated by NUL, as an embedder's and a cross-encoder's.

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "config/model_files.h"
#include "fuzz/ignore_errors.h"
#include "support/fake_files.h"

namespace {

std::map<std::string, std::string> split(std::string rest) {
  static constexpr const char* names[] = {"config.json",
                                          "modules.json",
                                          "1_Pooling/config.json",
                                          "2_Dense/config.json",
                                          "sentence_bert_config.json",
                                          "config_sentence_transformers.json",
                                          "tokenizer_config.json",
                                          "adapter_config.json",
                                          "base/config.json"};
  std::map<std::string, std::string> texts;
  for (const char* name : names) {
    const auto end = rest.find('\0');
    texts[name] = rest.substr(0, end);
    if (end == std::string::npos) break;
    rest.erase(0, end + 1);
  }
  return texts;
}

// What the encoder relies on.
void check(const bgem3::ModelConfig& config) {
  const auto positions = config.positions();
  const bool fits = config.hidden_size % config.heads == 0 && config.max_length >= 2 && config.max_length <= positions;
  if (!fits || config.pooling.empty() || config.dense_size() < 1 || config.truncate_dim < 0) std::abort();
  (void)config.prompts.find(std::nullopt, std::nullopt);  // the default is known
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bgem3::test::FakeFiles files(split(std::string(reinterpret_cast<const char*>(data), size)));
  int result = 0;
  for (const auto kind : {bgem3::ModelKind::embedder, bgem3::ModelKind::reranker}) {
    result = bgem3::fuzz::ignore_errors([&] { check(bgem3::parse_model_config(files, kind)); });
  }
  return result;
}
