#include "cli/resume_parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/checksum.h"
#include "cli/model_identity.h"

namespace bgem3::cli {
namespace {

std::string kinds_of(const EncodeOptions& options) {
  std::vector<const char*> kinds;
  if (options.dense) kinds.push_back("dense");
  if (options.sparse) kinds.push_back("sparse");
  if (options.colbert) kinds.push_back("colbert");
  return fmt::format("{}", fmt::join(kinds, "+"));
}

// Of what may have any length, and bytes that are no text.
std::string summary_of(std::string_view value) {
  if (value.empty()) return "none";
  Checksum checksum;
  checksum.add(value);
  return fmt::format("one of {} bytes ({:016x})", value.size(), checksum.value());
}

}  // namespace

ResumeState::Parameters resume_parameters(const EncodeArguments& arguments, const Embedder& embedder,
                                          const EncodeOptions& options, bool is_npy) {
  const ModelInfo& info = embedder.info();
  const auto limit = options.max_length == 0 ? static_cast<std::size_t>(info.config.max_length) : options.max_length;
  return {
      {"kinds", kinds_of(options)},
      {"dimension", fmt::to_string(embedder.dimension(options))},
      {"pooling", to_string(info.config.pooling)},
      {"normalize", options.normalize.value_or(info.config.normalize) ? "yes" : "no"},
      {"max_length", fmt::to_string(limit)},
      {"truncation_side", embedder.tokenizer().truncates_left() ? "left" : "right"},
      {"dtype", std::string(to_string(info.dtype))},
      {"pipeline", to_string(parse_pipeline(arguments.pipeline))},
      {"prompt", summary_of(info.config.prompts.find(options.prompt, options.prompt_name))},
      {"model", model_identity(info)},
      {"column", summary_of(arguments.input.column)},
      {"delimiter", summary_of(arguments.input.delimiter)},
      {"header", arguments.input.no_header ? "no" : "as by default"},
      {"format", is_npy ? "npy" : "jsonl"},
  };
}

}  // namespace bgem3::cli
