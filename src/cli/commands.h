#pragma once

#include "cli/arguments.h"

namespace bgem3::cli {

/// Each does what a command is for, and returns the exit status.
/// @throws Error; std::system_error of std::errc::broken_pipe when the reader of the output went away
int encode(const EncodeArguments& arguments);
int tokenize(const TokenizeArguments& arguments);
int similarity(const SimilarityArguments& arguments);
int rerank(const RerankArguments& arguments);
int info(const InfoArguments& arguments);

}  // namespace bgem3::cli
