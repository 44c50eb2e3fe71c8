#include "bgem3/reranker.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <vector>

#include "api/c/errors.h"
#include "api/c/options.h"
#include "api/c/texts.h"
#include "bgem3/c.h"

using namespace bgem3;
using namespace bgem3::c_api;

/// What the handle of C points to.
struct bgem3_reranker {  // NOLINT(readability-identifier-naming)
  Reranker reranker;
};

bgem3_status bgem3_reranker_load(const char* directory, const bgem3_load_options* options, bgem3_reranker** reranker) {
  return guarded([&] {
    clear(Result{reranker, "reranker"});
    expect_pointer(directory, "directory");
    *reranker = new bgem3_reranker{Reranker::load(directory, read_options(options))};
  });
}

void bgem3_reranker_free(bgem3_reranker* reranker) { delete reranker; }

bgem3_status bgem3_reranker_score(const bgem3_reranker* reranker, const char* const* queries,
                                  const size_t* query_lengths, const char* const* passages,
                                  const size_t* passage_lengths, size_t count, const bgem3_rerank_options* options,
                                  float* scores) {
  return guarded([&] {
    expect_pointer(reranker, "reranker");
    if (count > 0) expect_pointer(scores, "scores");
    const auto query_views = read_texts(queries, query_lengths, count, "queries");
    const auto passage_views = read_texts(passages, passage_lengths, count, "passages");
    std::vector<TextPair> pairs;
    pairs.reserve(count);
    for (std::size_t i = 0; i < count; ++i) pairs.push_back({query_views[i], passage_views[i]});
    std::ranges::copy(reranker->reranker.score(pairs, read_options(options)), scores);
  });
}
