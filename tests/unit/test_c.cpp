// What only C++ can see of the C interface: that its numbers are the façade's, and that no exception leaves it. The
// rest is in tests/c.
#include "support/doctest_torch.h"

#include <algorithm>
#include <filesystem>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bgem3/bgem3.h"
#include "bgem3/c.h"
#include "bgem3/reranker.h"

using namespace bgem3;
namespace fs = std::filesystem;

namespace {

const std::string models = BGEM3_TEST_MODELS_DIR;
const std::vector<const char*> texts = {"Hello World", "", "Le prix du café est de 3 €."};

bgem3_embedder* nano() {
  bgem3_embedder* embedder = nullptr;
  REQUIRE(bgem3_embedder_load((models + "/nano").c_str(), nullptr, &embedder) == BGEM3_OK);
  return embedder;
}

template <typename Thrown>
bgem3_status status_after(const Thrown& thrown) {
  bgem3_embedder* embedder = nano();
  bgem3_encode_options options;
  REQUIRE(bgem3_encode_options_init(&options, sizeof options) == BGEM3_OK);
  options.on_progress = [](const bgem3_progress*, void* data) -> bool { throw *static_cast<const Thrown*>(data); };
  options.user_data = const_cast<Thrown*>(&thrown);
  bgem3_embeddings* embeddings = nullptr;
  const bgem3_status status =
      bgem3_embedder_encode(embedder, texts.data(), nullptr, texts.size(), &options, &embeddings);
  CHECK(embeddings == nullptr);
  bgem3_embedder_free(embedder);
  return status;
}

TEST_CASE("embeddings of C are the façade's") {
  EncodeOptions all;
  all.sparse = all.colbert = true;
  const Embeddings expected = Embedder::load(models + "/nano").encode({texts[0], texts[1], texts[2]}, all);
  bgem3_embedder* embedder = nano();
  bgem3_encode_options options;
  REQUIRE(bgem3_encode_options_init(&options, sizeof options) == BGEM3_OK);
  options.sparse = options.colbert = 1;
  bgem3_embeddings* found = nullptr;
  REQUIRE(bgem3_embedder_encode(embedder, texts.data(), nullptr, texts.size(), &options, &found) == BGEM3_OK);
  bgem3_embedder_free(embedder);

  const auto equal = [](const float* values, std::size_t rows, std::size_t dimension, const Matrix& matrix) {
    REQUIRE(rows == matrix.rows());
    REQUIRE(dimension == matrix.cols());
    return std::equal(values, values + rows * dimension, matrix.data());
  };
  const float* values = nullptr;
  std::size_t rows = 0, dimension = 0;
  REQUIRE(bgem3_embeddings_dense(found, &values, &dimension) == BGEM3_OK);
  CHECK(equal(values, texts.size(), dimension, expected.dense));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    REQUIRE(bgem3_embeddings_colbert(found, i, &values, &rows, &dimension) == BGEM3_OK);
    CHECK(equal(values, rows, dimension, expected.colbert[i]));
    const bgem3_token_weight* weights = nullptr;
    std::size_t count = 0;
    REQUIRE(bgem3_embeddings_sparse(found, i, &weights, &count) == BGEM3_OK);
    CHECK(std::ranges::equal(std::span(weights, count), expected.sparse[i],
                             [](const auto& a, const auto& b) { return a.id == b.id && a.weight == b.weight; }));
    CHECK(bgem3_embeddings_token_count(found, i) == expected.token_counts[i]);
  }
  bgem3_embeddings_free(found);
}

TEST_CASE("a prompt of C comes before each text") {
  EncodeOptions prompted;
  prompted.prompt = "query: ";
  const Embeddings expected = Embedder::load(models + "/nano").encode({texts[0], texts[1], texts[2]}, prompted);
  bgem3_embedder* embedder = nano();
  bgem3_encode_options options;
  REQUIRE(bgem3_encode_options_init(&options, sizeof options) == BGEM3_OK);
  options.prompt = "query: ";
  bgem3_embeddings* found = nullptr;
  REQUIRE(bgem3_embedder_encode(embedder, texts.data(), nullptr, texts.size(), &options, &found) == BGEM3_OK);
  const float* values = nullptr;
  std::size_t dimension = 0;
  REQUIRE(bgem3_embeddings_dense(found, &values, &dimension) == BGEM3_OK);
  CHECK(std::equal(values, values + texts.size() * dimension, expected.dense.data()));
  bgem3_embeddings_free(found);

  options.prompt = nullptr;
  options.prompt_name = "nix";
  CHECK(bgem3_embedder_encode(embedder, texts.data(), nullptr, texts.size(), &options, &found) ==
        BGEM3_INVALID_ARGUMENT);
  CHECK(std::string(bgem3_last_error()).find("'nix'") != std::string::npos);
  bgem3_embedder_free(embedder);
}

TEST_CASE("scores of C are the façade's") {
  const std::vector<const char*> queries = {"how to bake bread", "rates", "rates"};
  const std::vector<const char*> passages = {"Knead the dough.", "The bank raised its rates again and again.", ""};
  std::vector<TextPair> pairs;
  for (std::size_t i = 0; i < queries.size(); ++i) pairs.push_back({queries[i], passages[i]});
  RerankOptions expected_options;
  expected_options.max_length = 12;
  expected_options.query_max_length = 4;
  const auto expected = Reranker::load(models + "/nano-reranker").score(pairs, expected_options);

  bgem3_reranker* reranker = nullptr;
  REQUIRE(bgem3_reranker_load((models + "/nano-reranker").c_str(), nullptr, &reranker) == BGEM3_OK);
  bgem3_rerank_options options;
  REQUIRE(bgem3_rerank_options_init(&options, sizeof options) == BGEM3_OK);
  options.max_length = 12;
  options.query_max_length = 4;
  std::vector<float> found(queries.size());
  CHECK(bgem3_reranker_score(reranker, queries.data(), nullptr, passages.data(), nullptr, queries.size(), &options,
                             found.data()) == BGEM3_OK);
  CHECK(found == expected);
  bgem3_reranker_free(reranker);
}

TEST_CASE("no exception leaves the C interface") {
  CHECK(status_after(Error(ErrorCode::overloaded, "too many")) == BGEM3_OVERLOADED);
  CHECK(std::string(bgem3_last_error()) == "too many");
  CHECK(status_after(std::bad_alloc()) == BGEM3_OUT_OF_MEMORY);
  CHECK(std::string(bgem3_last_error()) == "not enough memory");
  CHECK(status_after(std::runtime_error("of a callback")) == BGEM3_INTERNAL);
  CHECK(std::string(bgem3_last_error()) == "of a callback");
  CHECK(status_after(7) == BGEM3_INTERNAL);
  CHECK(std::string(bgem3_last_error()).find("a callback must return") != std::string::npos);
}

TEST_CASE("the last error is the thread's own") {
  CHECK(bgem3_embeddings_count(nullptr) == 0);
  const std::string before = bgem3_last_error();
  std::thread([] {
    CHECK(std::string(bgem3_last_error()).empty());
    CHECK(bgem3_embedder_dimension(nullptr) == 0);
    CHECK(std::string(bgem3_last_error()).find("embedder") != std::string::npos);
  }).join();
  CHECK(bgem3_last_error() == before);
}

TEST_CASE("each status has the name of its code") {
  for (int code = 0; code <= static_cast<int>(ErrorCode::model_changed); ++code) {
    CHECK(bgem3_status_name(static_cast<bgem3_status>(code + 1)) == to_string(static_cast<ErrorCode>(code)));
  }
}

}  // namespace
