#pragma once

#include <compare>
#include <cstdint>

namespace bgem3 {

/// What is computed of a batch.
struct ForwardOptions {
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

  friend auto operator<=>(const ForwardOptions&, const ForwardOptions&) = default;
};

}  // namespace bgem3
