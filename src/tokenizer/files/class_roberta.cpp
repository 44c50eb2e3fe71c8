#include <string>
#include <utility>

#include "config/json_object.h"
#include "tokenizer/files/class_steps.h"
#include "tokenizer/models/byte_pairs.h"
#include "tokenizer/normalizers/identity.h"
#include "tokenizer/pre_tokenizers/byte_level.h"

namespace bgem3 {
namespace {

struct Options {
  bool add_prefix_space = false;
  bool trim_offsets = true;
};

TokenizerSteps build_roberta(TokenizerFile& file, const Options& options, const std::string& unknown) {
  TokenizerSteps steps;
  steps.normalizer = std::make_unique<IdentityNormalizer>();
  steps.pre_tokenizer = std::make_unique<ByteLevel>(ByteLevel::Options{.add_prefix_space = options.add_prefix_space});
  steps.decoder = make_byte_level_decoder();
  steps.model = std::make_unique<BytePairs>(file.vocabulary.pieces, file.vocabulary.merges);
  steps.unknown_id = file.vocabulary.find(unknown).value_or(-1);
  if (options.trim_offsets) steps.trim = OffsetTrim{.keeps_first = options.add_prefix_space};
  steps.pieces = std::move(file.vocabulary.pieces);
  return steps;
}

}  // namespace

BuildSteps configure_roberta(const detail::JsonObject& tokenizer_config) {
  const Options options{.add_prefix_space = tokenizer_config.get<bool>("add_prefix_space").value_or(false),
                        .trim_offsets = tokenizer_config.get<bool>("trim_offsets").value_or(true)};
  return [options](TokenizerFile& file, const std::string& unknown) { return build_roberta(file, options, unknown); };
}

}  // namespace bgem3
