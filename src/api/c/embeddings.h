#pragma once

#include "bgem3/c.h"
#include "bgem3/embeddings.h"

/// What the handle of C points to.
struct bgem3_embeddings {  // NOLINT(readability-identifier-naming)
  bgem3::Embeddings values;
  bool has_dense;  ///< which kinds were computed: those of no texts are as empty as those that were not
  bool has_sparse;
  bool has_colbert;
};
