#pragma once

#include "bgem3/reranker.h"
#include "cli/arguments.h"

namespace bgem3::cli {

/// Prints the score of each pair of the input, in its order. Of the input as much is in memory as is scored at once.
/// @throws Error as TextReader and Reranker::score, after the scores of all pairs before have been printed
void score_pairs(const Reranker& reranker, const RerankArguments& arguments, RerankOptions options);

}  // namespace bgem3::cli
