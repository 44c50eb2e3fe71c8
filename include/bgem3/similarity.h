#pragma once

#include <span>
#include <string>

#include "bgem3/export.h"

namespace bgem3 {

/// How two dense vectors are compared: the cosine, the inner product, or a distance with a minus.
/// Source: sentence-transformers, SimilarityFunction.
enum class Similarity { cosine, dot, euclidean, manhattan };

BGEM3_API std::string to_string(Similarity similarity);

/// How alike two dense vectors [D] are, larger is more.
/// @throws Error invalid_argument for vectors of different sizes
BGEM3_API float similarity_score(Similarity similarity, std::span<const float> a, std::span<const float> b);

}  // namespace bgem3
