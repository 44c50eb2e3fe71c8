#include "api/c/embeddings.h"

#include <cstddef>
#include <type_traits>

#include <fmt/format.h>

#include "api/c/errors.h"

using namespace bgem3;
using namespace bgem3::c_api;

// Weights are handed out as they lie.
static_assert(std::is_standard_layout_v<TokenWeight> && sizeof(TokenWeight) == sizeof(bgem3_token_weight));
static_assert(offsetof(TokenWeight, id) == offsetof(bgem3_token_weight, id));
static_assert(offsetof(TokenWeight, weight) == offsetof(bgem3_token_weight, weight));

namespace {

const Embeddings& values_of(const bgem3_embeddings* embeddings) {
  expect_pointer(embeddings, "embeddings");
  return embeddings->values;
}

// `kind` tells whether values of that name were computed.
const Embeddings& values_of(const bgem3_embeddings* embeddings, bool bgem3_embeddings::*kind, const char* name) {
  expect_pointer(embeddings, "embeddings");
  if (!(embeddings->*kind)) {
    refuse(fmt::format("embeddings should have {0} values, found none: set {0} in bgem3_encode_options", name));
  }
  return embeddings->values;
}

}  // namespace

void bgem3_embeddings_free(bgem3_embeddings* embeddings) { delete embeddings; }

size_t bgem3_embeddings_count(const bgem3_embeddings* embeddings) {
  return guarded_value([&] { return values_of(embeddings).token_counts.size(); });
}

size_t bgem3_embeddings_token_count(const bgem3_embeddings* embeddings, size_t index) {
  return guarded_value([&] {
    const auto& counts = values_of(embeddings).token_counts;
    expect_index(index, counts.size());
    return counts[index];
  });
}

bgem3_status bgem3_embeddings_dense(const bgem3_embeddings* embeddings, const float** values, size_t* dimension) {
  return guarded([&] {
    clear(Result{values, "values"}, Result{dimension, "dimension"});
    const Matrix& dense = values_of(embeddings, &bgem3_embeddings::has_dense, "dense").dense;
    *values = dense.data();
    *dimension = dense.cols();
  });
}

bgem3_status bgem3_embeddings_sparse(const bgem3_embeddings* embeddings, size_t index,
                                     const bgem3_token_weight** weights, size_t* count) {
  return guarded([&] {
    clear(Result{weights, "weights"}, Result{count, "count"});
    const auto& sparse = values_of(embeddings, &bgem3_embeddings::has_sparse, "sparse").sparse;
    expect_index(index, sparse.size());
    *weights = reinterpret_cast<const bgem3_token_weight*>(sparse[index].data());
    *count = sparse[index].size();
  });
}

bgem3_status bgem3_embeddings_colbert(const bgem3_embeddings* embeddings, size_t index, const float** values,
                                      size_t* rows, size_t* dimension) {
  return guarded([&] {
    clear(Result{values, "values"}, Result{rows, "rows"}, Result{dimension, "dimension"});
    const auto& colbert = values_of(embeddings, &bgem3_embeddings::has_colbert, "colbert").colbert;
    expect_index(index, colbert.size());
    *values = colbert[index].data();
    *rows = colbert[index].rows();
    *dimension = colbert[index].cols();
  });
}
