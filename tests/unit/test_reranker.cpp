#include "support/doctest_torch.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <c10/core/InferenceMode.h>

#include "bgem3/blocks.h"
#include "bgem3/reranker.h"
#include "support/cost.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

using namespace bgem3;
using test::contains;
using test::expect_error;
namespace fs = std::filesystem;

namespace {

const fs::path directory = fs::path(BGEM3_TEST_MODELS_DIR) / "tiny-reranker";

const fs::path bert_directory = fs::path(BGEM3_TEST_MODELS_DIR) / "bert-reranker";

// Its pairs have two token types.
const Reranker& bert_reranker() {
  static const Reranker reranker = Reranker::load(bert_directory);
  return reranker;
}

const Reranker& tiny() {
  static const Reranker reranker = Reranker::load(directory);
  return reranker;
}

std::string words(const char* word, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::string(i == 0 ? "" : " ") + word + std::to_string(i * i % 37);
  return text;
}

// Ids of a text without <s> and </s>, at most `limit` of them.
TokenIds content(const std::string& text, std::size_t limit = 8192) {
  const TokenIds ids = tiny().tokenizer().encode(text);
  const std::size_t count = std::min(limit, ids.size() - 2);
  return {ids.begin() + 1, ids.begin() + 1 + static_cast<std::ptrdiff_t>(count)};
}

TokenIds sequence(const TokenIds& query, const TokenIds& passage) {
  TokenIds ids = {0};
  ids.insert(ids.end(), query.begin(), query.end());
  ids.insert(ids.end(), {2, 2});
  ids.insert(ids.end(), passage.begin(), passage.end());
  ids.push_back(2);
  return ids;
}

// The logit of a sequence, by the building blocks: what score() has to give for the pair that the sequence stands for.
float logit_of(const TokenIds& ids) {
  const c10::InferenceMode no_autograd;
  const ModelConfig config = read_model_config(directory);
  const Checkpoint checkpoint = Checkpoint::open_directory(directory);
  TensorMap encoder = checkpoint.tensors();
  const ClassificationHead head = bind_classification_head(config, encoder);
  const std::vector<std::span<const std::int32_t>> texts = {ids};
  const PackedBatch batch = pack_texts(texts, config);
  const at::Tensor hidden = bert::encode(batch, bert::bind(config, encoder), config);
  return relevance(hidden.narrow(0, 0, 1), head).item<float>();
}

float score_of(const std::string& query, const std::string& passage, const RerankOptions& options = {}) {
  const TextPair pair = {query, passage};
  return tiny().score({&pair, 1}, options).at(0);
}

void check_equal(float found, float expected) { CHECK(std::abs(found - expected) < 1e-5); }

double max_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max<double>(largest, std::abs(a[i] - b[i]));
  return largest;
}

// Pairs of many lengths, among them empty texts. The texts live as long as the program.
const std::vector<TextPair>& sample_pairs() {
  static std::vector<std::string> texts = {"", "Hello World", "こんにちは世界", "ß\xff\xfe"};
  static std::vector<TextPair> pairs;
  if (!pairs.empty()) return pairs;
  for (int i = 1; i < 16; ++i) texts.push_back(words("word", i * 7 % 60));
  for (std::size_t i = 0; i < texts.size(); ++i) pairs.push_back({texts[i], texts[i * 5 % texts.size()]});
  return pairs;
}

}  // namespace

TEST_CASE("a pair is read as <s> query </s></s> passage </s>") {
  const std::string query = "what is a panda?";
  const std::string passage = "The giant panda is a bear.";
  check_equal(score_of(query, passage), logit_of(sequence(content(query), content(passage))));
  CHECK(std::abs(score_of(query, passage) - score_of(passage, query)) > 1e-3);
}

TEST_CASE("empty texts count as texts") {
  check_equal(score_of("", ""), logit_of({0, 2, 2, 2}));
  check_equal(score_of("", "panda"), logit_of(sequence({}, content("panda"))));
  check_equal(score_of("panda", ""), logit_of(sequence(content("panda"), {})));
}

TEST_CASE("memory can be given back at any time") {
  const TextPair pair{"what is bread?", "Bread is baked dough."};
  const auto before = tiny().score({&pair, 1});
  tiny().release_memory();
  CHECK(tiny().score({&pair, 1}) == before);
}

TEST_CASE("no pairs give no scores") { CHECK(tiny().score({}).empty()); }

TEST_CASE("max_length cuts the passage, the query stays whole") {
  const std::string query = words("query", 4);
  const std::string passage = words("passage", 50);
  RerankOptions options;
  options.max_length = 32;
  const TokenIds whole = content(query);
  REQUIRE(whole.size() <= 24);
  const TokenIds cut = content(passage, 32 - 4 - whole.size());
  check_equal(score_of(query, passage, options), logit_of(sequence(whole, cut)));
}

TEST_CASE("a pair of exactly max_length tokens is left whole") {
  const TokenIds whole = sequence(content("one query"), content("and its passage"));
  RerankOptions options;
  options.max_length = whole.size();
  check_equal(score_of("one query", "and its passage", options), logit_of(whole));
  options.max_length = whole.size() - 1;
  CHECK(std::abs(score_of("one query", "and its passage", options) - logit_of(whole)) > 1e-3);
}

TEST_CASE("a long query is cut to three quarters of max_length, or to query_max_length") {
  const std::string query = words("query", 60);
  const std::string passage = words("passage", 60);
  RerankOptions options;
  options.max_length = 40;
  check_equal(score_of(query, passage, options), logit_of(sequence(content(query, 30), content(passage, 6))));
  options.query_max_length = 10;
  check_equal(score_of(query, passage, options), logit_of(sequence(content(query, 10), content(passage, 26))));
}

TEST_CASE("a query that would leave no room is cut so that the pair fits") {
  const std::string query = words("query", 60);
  RerankOptions options;
  options.max_length = 16;
  options.query_max_length = 100;
  check_equal(score_of(query, "passage", options), logit_of(sequence(content(query, 12), {})));
  options.max_length = 4;
  check_equal(score_of(query, "passage", options), logit_of({0, 2, 2, 2}));
}

TEST_CASE("a query that many passages share is tokenised once") {
  std::string query;
  for (int i = 0; i < 20'000; ++i) query += "word" + std::to_string(i) + " ";
  std::vector<std::string> passages;
  for (int i = 0; i < 100; ++i) passages.push_back("passage " + std::to_string(i));
  std::vector<TextPair> pairs;
  for (const auto& passage : passages) pairs.push_back({query, passage});
  RerankOptions options;
  options.tokenizer_threads = 1;
  const auto cost = [&](std::size_t count) {
    return test::cost_of([&] { (void)tiny().tokenize(std::span(pairs).first(count), options); });
  };
  CHECK(cost(100) < 20 * cost(1));  // joining its ids costs, too
}

TEST_CASE("tokenize ends after a stop") {
  std::stop_source stopped;
  stopped.request_stop();
  expect_error(ErrorCode::cancelled, [&] { (void)tiny().tokenize(sample_pairs(), {}, stopped.get_token()); });
}

TEST_CASE("score_ids takes what tokenize gives") {
  RerankOptions options;
  options.max_length = 20;
  const auto& pairs = sample_pairs();
  const auto ids = tiny().tokenize(pairs, options);
  CHECK(std::ranges::all_of(ids, [](const PairIds& pair) { return pair.ids.size() >= 4 && pair.ids.size() <= 20; }));
  CHECK(std::ranges::all_of(ids, [](const PairIds& pair) { return pair.second_begin == 0; }));
  CHECK(max_difference(tiny().score_ids(ids, options), tiny().score(pairs, options)) < 1e-5);
  const TextPair pair = {"what is a panda?", "The giant panda is a bear."};
  CHECK(tiny().tokenize({&pair, 1}).at(0).ids ==
        sequence(content("what is a panda?"), content("The giant panda is a bear.")));
  CHECK(tiny().tokenize({}).empty());
  CHECK(tiny().score_ids({}).empty());
}

TEST_CASE("score_ids refuses wrong ids and says of which pair") {
  RerankOptions options;
  options.max_length = 8;
  const PairIds good = {{0, 5, 2, 2, 6, 2}};
  const std::vector<PairIds> wrong = {{}, {TokenIds(9, 5)}, {{0, -1, 2, 2, 2}}, {{0, 5, 2, 2, 1'000'000, 2}}};
  for (const auto& bad : wrong) {
    const auto message = expect_error(ErrorCode::invalid_argument, [&] {
      (void)tiny().score_ids({good, bad}, options);
    });
    CHECK(contains(message, "pair 1"));
  }
}

TEST_CASE("BERT reads a pair as [CLS] query [SEP] passage [SEP], the passage of type 1") {
  const TextPair pair = {"a b", "c [SEP] d"};
  const auto id = [](const char* piece) { return bert_reranker().tokenizer().encode(piece).at(1); };
  const PairIds expected = {{2, id("a"), id("b"), 3, id("c"), 3, id("d"), 3}, 4};
  CHECK(bert_reranker().tokenize({&pair, 1}).at(0) == expected);
  RerankOptions options;
  options.max_length = 5;
  CHECK((bert_reranker().tokenize({&pair, 1}, options).at(0) == PairIds{{2, id("a"), id("b"), 3, 3}, 4}));
  options.truncation = PairTruncation::longest;
  CHECK((bert_reranker().tokenize({&pair, 1}, options).at(0) == PairIds{{2, id("a"), 3, id("c"), 3}, 3}));
  options.max_length = 3;
  CHECK((bert_reranker().tokenize({&pair, 1}, options).at(0) == PairIds{{2, 3, 3}, 2}));
  options.max_length = 2;
  expect_error(ErrorCode::invalid_argument, [&] { bert_reranker().validate(options); });
  // Equal ids, which types tell apart.
  const std::vector<TextPair> pairs = {{"a", "b [SEP] c"}, {"a [SEP] b", "c"}, {"a", "b [SEP] c"}};
  const auto ids = bert_reranker().tokenize(pairs);
  CHECK(ids[0].ids == ids[1].ids);
  const auto scores = bert_reranker().score(pairs);
  CHECK(std::abs(scores[0] - scores[1]) > 1e-3);
  CHECK(scores[0] == scores[2]);
  CHECK(max_difference(bert_reranker().score_ids(ids), scores) < 1e-5);
}

TEST_CASE("token types are part of what is scored") {
  const TokenIds ids = {2, 5, 6, 3, 7, 9, 3}, longer = {2, 9, 3, 8, 8, 8, 8, 8, 8, 3};
  // In one batch, so that equal ids, and texts of other lengths, stand beside each other.
  const std::vector<PairIds> pairs = {{ids, 4}, {longer, 3}, {ids, 3}, {ids, 5}, {ids, 4}, {ids, 6}};
  const auto scores = bert_reranker().score_ids(pairs);
  for (std::size_t i = 0; i < pairs.size(); ++i) check_equal(bert_reranker().score_ids({pairs[i]})[0], scores[i]);
  CHECK(scores[4] == scores[0]);
  for (const std::size_t i : {2, 3, 5}) CHECK(std::abs(scores[i] - scores[0]) > 1e-3);
}

TEST_CASE("token types that are missing, or that a model does not have, are refused") {
  const auto refused = [](const Reranker& reranker, const PairIds& good, const PairIds& pair) {
    return expect_error(ErrorCode::invalid_argument, [&] { (void)reranker.score_ids({good, pair}); });
  };
  CHECK(contains(refused(tiny(), {{0, 2, 2, 2}}, {{0, 5, 2, 2, 6, 2}, 4}),
                 "pair 1 of the call: second_begin should be 0"));
  for (const std::size_t wrong : {0, 6, 7}) {
    const auto message = refused(bert_reranker(), {{2, 3, 3}, 2}, {{2, 5, 6, 3, 7, 3}, wrong});
    CHECK(contains(message, "pair 1 of the call: second_begin should be where the passage begins, 1 to 5"));
    CHECK(contains(message, "found " + std::to_string(wrong)));
  }
}

TEST_CASE("a model of two types whose vocabulary gives none takes both kinds of ids") {
  const test::TempDir mixed;
  for (const char* file : {"config.json", "model.safetensors"}) {
    fs::create_symlink(fs::canonical(bert_directory / file), mixed.path() / file);
  }
  const auto nano = fs::path(BGEM3_TEST_MODELS_DIR) / "nano-tokenizer";
  fs::create_symlink(fs::canonical(nano / "sentencepiece.bpe.model"), mixed.path() / "sentencepiece.bpe.model");
  fs::create_symlink(fs::canonical(nano / "hub" / "bge-m3" / "tokenizer_config.json"),
                     mixed.path() / "tokenizer_config.json");
  const Reranker reranker = Reranker::load(mixed.path());
  const TextPair pair = {"a", "b"};
  CHECK(reranker.tokenize({&pair, 1}).at(0).second_begin == 0);
  const auto scores = reranker.score_ids({{{0, 5, 2, 2, 6, 2}}, {{0, 5, 2, 2, 6, 2}, 4}});
  CHECK(std::abs(scores[0] - scores[1]) > 1e-3);
  const auto message = expect_error(ErrorCode::invalid_argument, [&] {
    (void)reranker.score_ids({{{0, 5, 2, 2, 6, 2}, 6}});
  });
  CHECK(contains(message, "second_begin should be 0 to 5, found 6"));
}

TEST_CASE("max_length has to hold the special tokens and fit the position table") {
  for (const std::size_t max_length : {std::size_t{1}, std::size_t{3}, std::size_t{8193}}) {
    RerankOptions options;
    options.max_length = max_length;
    const auto message = expect_error(ErrorCode::invalid_argument, [&] { (void)score_of("a", "b", options); });
    CHECK(contains(message, "4 to 8192"));
    CHECK(contains(message, std::to_string(max_length)));
    expect_error(ErrorCode::invalid_argument, [&] { tiny().validate(options); });
    expect_error(ErrorCode::invalid_argument, [&] { (void)tiny().tokenize({}, options); });
  }
  tiny().validate({});
}

TEST_CASE("scores do not depend on order or batches") {
  const auto& pairs = sample_pairs();
  const auto expected = tiny().score(pairs);
  for (const std::size_t batch_size : {1, 3, 100}) {
    RerankOptions options;
    options.batch_size = batch_size;
    CHECK(max_difference(tiny().score(pairs, options), expected) < 1e-5);
  }
  auto reversed = tiny().score(std::vector<TextPair>(pairs.rbegin(), pairs.rend()));
  std::reverse(reversed.begin(), reversed.end());
  CHECK(max_difference(reversed, expected) < 1e-5);
}

TEST_CASE("repeated pairs all get the score of the one") {
  std::vector<TextPair> pairs = sample_pairs();
  const auto expected = tiny().score(pairs);
  pairs.insert(pairs.end(), sample_pairs().begin(), sample_pairs().end());
  const auto found = tiny().score(pairs);
  REQUIRE(found.size() == 2 * expected.size());
  CHECK(std::equal(expected.begin(), expected.end(), found.begin()));
  CHECK(std::equal(expected.begin(), expected.end(), found.begin() + static_cast<std::ptrdiff_t>(expected.size())));
}

TEST_CASE("the callback sees all pairs done, and can stop") {
  RerankOptions options;
  options.batch_size = 4;
  Progress last;
  options.on_progress = [&](const Progress& progress) {
    last = progress;
    return true;
  };
  (void)tiny().score(sample_pairs(), options);
  CHECK(last.texts_done == sample_pairs().size());
  CHECK(last.texts_total == sample_pairs().size());
  CHECK(last.tokens_done == last.tokens_total);

  options.on_progress = [](const Progress&) { return false; };
  expect_error(ErrorCode::cancelled, [&] { (void)tiny().score(sample_pairs(), options); });
}

TEST_CASE("an embedding model is refused, with what it lacks") {
  const auto embedder = fs::path(BGEM3_TEST_MODELS_DIR) / "tiny";
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)Reranker::load(embedder); }), "opened by Embedder"));

  const test::TempDir bare;  // without the files of sentence-transformers
  for (const char* file : {"config.json", "model.safetensors", "sentencepiece.bpe.model"}) {
    fs::create_symlink(fs::canonical(embedder / file), bare.path() / file);
  }
  const auto message = expect_error(ErrorCode::bad_model, [&] { (void)Reranker::load(bare.path()); });
  for (const char* name :
       {"classifier.dense.weight", "classifier.dense.bias", "classifier.out_proj.weight", "classifier.out_proj.bias"}) {
    CHECK(contains(message, std::string("missing: ") + name));
  }
  CHECK(contains(message, bare.path().string()));
}

TEST_CASE("a cross-encoder is no embedding model") {
  const auto message = expect_error(ErrorCode::bad_model, [] { (void)Embedder::load(directory); });
  CHECK(contains(message, "unexpected: classifier.dense.weight"));
}

TEST_CASE("info tells of the loaded model") {
  const ModelInfo& info = tiny().info();
  CHECK(info.config.hidden_size == 64);
  CHECK(info.directory == directory);
  CHECK((info.dtype == Dtype::float32));
  CHECK(info.tokenizer_file == tiny().tokenizer().source());
}

TEST_CASE("a moved Reranker works on") {
  Reranker first = Reranker::load(directory);
  const Reranker second = std::move(first);
  const TextPair pair = {"a", "b"};
  check_equal(second.score({&pair, 1})[0], score_of("a", "b"));
}

TEST_CASE("rank sorts the passages by their scores") {
  const std::string query = "which one?";
  const std::vector<std::string_view> passages = {"first", "another one", "first", "third"};
  const auto ranked = tiny().rank(query, passages);
  REQUIRE(ranked.size() == 4);
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    const std::vector<TextPair> pair = {{query, passages[ranked[i].index]}};
    CHECK(ranked[i].score == doctest::Approx(tiny().score(pair)[0]).epsilon(1e-4));
    if (i == 0) continue;
    CHECK(ranked[i - 1].score >= ranked[i].score);
    if (ranked[i - 1].score == ranked[i].score) CHECK(ranked[i - 1].index < ranked[i].index);
  }
  const auto best = tiny().rank(query, passages, 2);
  CHECK(std::ranges::equal(best, std::span(ranked).first(2)));
  CHECK(tiny().rank(query, {}).empty());
  CHECK(tiny().rank(query, passages, 9).size() == 4);
}
