#pragma once

#include <compare>
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace bgem3 {

/// What is computed of a batch.
struct Outputs {
  bool all_rows = false;  ///< of the last layer; otherwise of first tokens alone, which is less work
  bool dense = false;
  bool sparse = false;
  bool colbert = false;
  bool relevance = false;         ///< of pairs, and nothing else
  bool normalize_whole = false;   ///< dense vectors before they are cut
  std::int64_t dense_dim = 0;     ///< components to keep; 0: all
  std::int64_t colbert_dim = 0;   ///< likewise
  bool normalize_dense = true;    ///< what is kept of them
  bool normalize_colbert = true;  ///< what is kept of each

  friend auto operator<=>(const Outputs&, const Outputs&) = default;
};

/// The results of a batch of B texts and N tokens. What was not asked for is undefined.
struct BatchResults {
  at::Tensor dense;          // [B, dense size]
  at::Tensor relevance;      // [B]
  at::Tensor token_weights;  // [N]
  at::Tensor colbert;        // [N, C]
  at::Tensor non_finite;     // [1] int32, not 0 when one of the others has NaN or infinity; undefined with relevance
};

}  // namespace bgem3
