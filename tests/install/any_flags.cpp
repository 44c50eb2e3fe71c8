// Takes every type of the façade across the border of the library and back, as a program does that was compiled with
// other flags than the library: what is allocated on one side is freed on the other.
//
//     any_flags EMBEDDER RERANKER

#include <cmath>
#include <cstdio>
#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bgem3/batching_embedder.h>
#include <bgem3/batching_reranker.h>
#include <bgem3/bgem3.h>
#include <bgem3/cuda.h>
#include <bgem3/reranker.h>
#ifdef WITH_EIGEN
#include <bgem3/eigen.h>
#endif

namespace {

void require(bool condition, const char* what) {
  if (!condition) throw std::logic_error(what);
}

bgem3::EncodeOptions all_kinds() {
  bgem3::EncodeOptions options;
  options.sparse = options.colbert = true;
  options.normalize = true;
  return options;
}

const std::vector<std::string> texts = {"Hello World", "Bonjour le monde", "Hello World"};

// Copies, moves and destroys results in ways of all kinds.
void use_embeddings(const bgem3::Embedder& embedder) {
  auto options = all_kinds();
  std::size_t layers = 0, calls = 0;
  options.on_hidden_states = [&](const bgem3::HiddenStates& states) { layers += states.values.rows() > 0 ? 1 : 0; };
  options.on_progress = [&](const bgem3::Progress&) { return ++calls > 0; };
  bgem3::Embeddings first = embedder.encode(texts, options);
  bgem3::Embeddings copy = first, moved = std::move(first);
  first = moved;
  copy.dense = bgem3::Matrix(5, 7);
  copy.colbert.push_back(moved.colbert[0]);
  copy.sparse.clear();
  copy = std::move(moved);
  require(layers > 0 && calls > 0, "callbacks");
  require(first.dense.rows() == 3 && first.dense == copy.dense, "dense");
  require(std::abs(bgem3::dense_score(first.dense.row(0), copy.dense.row(2)) - 1) < 1e-5F,
          "score of a text with itself");
  require(std::abs(bgem3::compute_scores(first, 0, copy, 2).colbert - 1) < 1e-5F, "ColBERT score");
  float sum = 0;
  for (const auto row : first.dense) {
    for (const float number : row) sum += number * number;
  }
  require(std::abs(sum - 3) < 1e-4F, "rows of length one");
  bgem3::LexicalWeights top = bgem3::top_weights(std::move(first.sparse[0]), 1);
  top.push_back({7, 0.5F});
  require(top.size() == 2 && first.token_counts[0] > 2, "sparse");
#ifdef WITH_EIGEN
  Eigen::MatrixXf product = bgem3::as_eigen(copy.dense) * bgem3::as_eigen(copy.dense).transpose();
  require(std::abs(product(0, 2) - 1) < 1e-5F, "Eigen");
#endif
}

void use_handles(bgem3::Embedder embedder) {
  const bgem3::Embedder copy = embedder;
  const bgem3::Embedder moved = std::move(embedder);
  bgem3::ModelInfo info = copy.info();
  info.weight_files.push_back(info.directory / "another");
  bgem3::Tokenizer tokenizer = moved.tokenizer();
  bgem3::TokenIds ids = tokenizer.encode("Hello World");
  ids.insert(ids.begin() + 1, ids[1]);
  require(moved.encode_ids({std::move(ids)}).dense.rows() == 1, "encode_ids");
  std::vector<bgem3::TokenIds> batch = tokenizer.encode_batch(std::vector<std::string_view>{"a", "b"}, 0, 2);
  batch.emplace_back(3, 5);
  try {
    (void)bgem3::Embedder::load("no/such/model");
    require(false, "a model that is not there");
  } catch (const bgem3::Error& error) {  // by its type, across the border
    require(error.code() == bgem3::ErrorCode::bad_model, error.what());
  }
}

void use_batching(const bgem3::Embedder& embedder) {
  bgem3::BatchingOptions options;
  options.on_batch = [](const bgem3::BatchReport&) {};
  bgem3::BatchingEmbedder batching(embedder, options);
  bgem3::RequestOptions request;
  request.encode = all_kinds();
  require(batching.submit(texts, request).get().colbert.size() == 3, "submit");
  std::promise<bgem3::Outcome> promise;
  batching.submit(texts, request, [&](bgem3::Outcome outcome) { promise.set_value(std::move(outcome)); });
  const bgem3::Outcome outcome = promise.get_future().get();
  require(!outcome.error && outcome.embeddings.sparse.size() == 3, "submit with a callback");
}

void use_reranker(const bgem3::Reranker& reranker) {
  const std::vector<std::string_view> passages = {"one", "two"};
  std::vector<bgem3::RankedPassage> ranked = reranker.rank("which?", passages);
  ranked.push_back({2, 0});
  std::vector<float> scores = reranker.score(std::vector<bgem3::TextPair>{{"which?", "one"}});
  scores.push_back(0);
  require(ranked.size() == 3 && scores.size() == 2, "reranker");
}

void use_batching_reranker(const bgem3::Reranker& reranker) {
  bgem3::BatchingReranker batching(reranker);
  const std::vector<bgem3::TextPair> pairs = {{"which?", "one"}, {"which?", "two"}};
  std::vector<bgem3::PairIds> ids = reranker.tokenize(pairs);
  ids.push_back(ids[0]);
  require(reranker.score_ids(std::move(ids)).size() == 3, "score_ids");
  require(batching.submit(pairs).get().size() == 2, "submit of pairs");
  std::promise<bgem3::RerankOutcome> promise;
  batching.submit(pairs, {}, [&](bgem3::RerankOutcome outcome) { promise.set_value(std::move(outcome)); });
  const bgem3::RerankOutcome outcome = promise.get_future().get();
  require(!outcome.error && outcome.scores.size() == 2 && outcome.tokens > 8, "submit of pairs with a callback");
}

}  // namespace

int main(int, char** arguments) {
  try {
    bgem3::LoadOptions options;
    options.pooling = bgem3::Pooling::cls;
    const auto embedder = bgem3::Embedder::load(arguments[1], options);
    use_embeddings(embedder);
    use_handles(embedder);
    use_batching(embedder);
    const auto reranker = bgem3::Reranker::load(arguments[2]);
    use_reranker(reranker);
    use_batching_reranker(reranker);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
