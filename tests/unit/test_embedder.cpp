#include "support/doctest_torch.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <new>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "bgem3/batching_embedder.h"
#include "bgem3/bgem3.h"
#include "support/embeddings.h"
#include "support/expect_error.h"
#include "support/limited_memory.h"
#include "support/patched_model.h"

using namespace bgem3;
using test::all_kinds;
using test::check_close;
using test::contains;
using test::expect_error;
using test::max_difference;
namespace fs = std::filesystem;

namespace {

const fs::path models = BGEM3_TEST_MODELS_DIR;

const Embedder& tiny() {
  static const Embedder embedder = Embedder::load(models / "tiny");
  return embedder;
}

std::vector<std::string> sample_texts() {
  std::vector<std::string> texts = {"Hello World", "", "こんにちは世界", "Hello World", " ", "ß\xff\xfe", "x"};
  for (int i = 1; i < 30; ++i) {
    std::string text;
    for (int word = 0; word < i * 7 % 90; ++word) text += "word" + std::to_string(word * i) + " ";
    texts.push_back(text);
  }
  return texts;
}

std::string repeated(const std::string& word, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += word;
  return text;
}

}  // namespace

TEST_CASE("all three kinds have the documented shapes") {
  const Embeddings e = tiny().encode({"Hello World", "a longer text than the first one"}, all_kinds());
  const auto d = tiny().info().config.hidden_size;
  CHECK(e.dense.rows() == 2);
  CHECK(e.dense.cols() == static_cast<std::size_t>(d));
  CHECK(as_eigen(e.dense.row(0)).norm() == doctest::Approx(1));
  CHECK(e.token_counts[0] == tiny().tokenize("Hello World").size());
  CHECK(e.colbert[1].rows() == e.token_counts[1] - 1);
  CHECK(as_eigen(e.colbert[1].row(0)).norm() == doctest::Approx(1));
  CHECK(e.sparse.size() == 2);
}

TEST_CASE("only what was asked for is computed") {
  EncodeOptions options;
  options.dense = false;
  options.sparse = true;
  const Embeddings e = tiny().encode({"one"}, options);
  CHECK(e.dense.size() == 0);
  CHECK(e.sparse.size() == 1);
  CHECK(e.colbert.empty());
}

TEST_CASE("dense vectors are the same with and without the other kinds") {
  const auto texts = sample_texts();
  CHECK(max_difference(tiny().encode(texts).dense, tiny().encode(texts, all_kinds()).dense) < 1e-6);
}

TEST_CASE("a text's embedding does not depend on neighbours, order or batch size") {
  const auto texts = sample_texts();
  const Embeddings together = tiny().encode(texts, all_kinds());
  auto grouped_options = all_kinds();
  grouped_options.batch_size = 3;
  grouped_options.batch_tokens = 200;
  const std::vector<std::string> reversed(texts.rbegin(), texts.rend());
  const Embeddings grouped = tiny().encode(reversed, grouped_options);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(i);
    const auto j = texts.size() - 1 - i;
    const Embeddings alone = tiny().encode({texts[i]}, all_kinds());
    CHECK(max_difference(together.dense.row(i), alone.dense.row(0)) < 1e-5);
    CHECK(max_difference(grouped.dense.row(j), alone.dense.row(0)) < 1e-5);
    CHECK(max_difference(together.colbert[i], alone.colbert[0]) < 1e-5);
    CHECK(max_difference(grouped.colbert[j], alone.colbert[0]) < 1e-5);
    check_close(together.sparse[i], alone.sparse[0], 1e-5);
    check_close(grouped.sparse[j], alone.sparse[0], 1e-5);
  }
}

TEST_CASE("repeated texts all get the result of the one") {
  const std::vector<std::string> texts = {"one", "two words", "one", "", "one", ""};
  const Embeddings all = tiny().encode(texts, all_kinds());
  const Embeddings distinct = tiny().encode({"one", "two words", ""}, all_kinds());
  const std::vector<std::size_t> same_as = {0, 1, 0, 2, 0, 2};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(i);
    const auto j = same_as[i];
    CHECK(std::ranges::equal(all.dense.row(i), distinct.dense.row(j)));
    CHECK(all.colbert[i] == distinct.colbert[j]);
    CHECK(all.token_counts[i] == distinct.token_counts[j]);
    check_close(all.sparse[i], distinct.sparse[j], 1e-5);
  }
}

TEST_CASE("zero texts give an empty result") {
  const Embeddings e = tiny().encode(std::span<const std::string>{}, all_kinds());
  CHECK(e.dense.rows() == 0);
  CHECK(e.dense.cols() == static_cast<std::size_t>(tiny().info().config.hidden_size));
  CHECK(e.sparse.empty());
  CHECK(e.colbert.empty());
}

TEST_CASE("an empty text is <s></s>") {
  const Embeddings e = tiny().encode({""}, all_kinds());
  CHECK(e.token_counts[0] == 2);
  CHECK(e.sparse[0].empty());
  CHECK(e.colbert[0].rows() == 1);
}

TEST_CASE("a text over the limit is truncated and says so in token_counts") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "word ";
  EncodeOptions options;
  options.max_length = 16;
  const Embeddings e = tiny().encode({text}, options);
  CHECK(e.token_counts[0] == 16);
  CHECK(tiny().count_tokens(text) == 302);
  CHECK(tiny().tokenize(text, 16).back() == 2);
}

TEST_CASE("truncate_dim keeps the leading components and normalises them") {
  auto options = all_kinds();
  options.truncate_dim = 8;
  const Embeddings cut = tiny().encode({"Hello World"}, options);
  options.truncate_dim = 0;
  options.normalize = false;
  const Embeddings raw = tiny().encode({"Hello World"}, options);
  CHECK(cut.dense.cols() == 8);
  const Eigen::RowVectorXf expected = as_eigen(raw.dense.row(0)).head(8).normalized();
  CHECK((as_eigen(cut.dense.row(0)) - expected).cwiseAbs().maxCoeff() < 1e-6);
  CHECK(cut.colbert[0].cols() == 8);
}

TEST_CASE("options the model cannot serve are refused") {
  const auto refuse = [](auto change) {
    EncodeOptions options;
    change(options);
    return expect_error(ErrorCode::invalid_argument, [&] { (void)tiny().encode({"x"}, options); });
  };
  CHECK(contains(refuse([](auto& o) { o.dense = false; }), "nothing to compute"));
  CHECK(contains(refuse([](auto& o) { o.max_length = 1; }), "2 to 8192"));
  CHECK(contains(refuse([](auto& o) { o.max_length = 8193; }), "found 8193"));
  CHECK(contains(refuse([](auto& o) { o.truncate_dim = 100000; }), "truncate_dim"));
}

TEST_CASE("a model without heads gives dense vectors and names what it lacks") {
  const Embedder e5 = Embedder::load(models / "e5-small");
  CHECK_FALSE(e5.info().has_sparse());
  CHECK(to_string(e5.info().config.pooling) == "mean");
  const auto message = expect_error(ErrorCode::invalid_argument, [&] { (void)e5.encode({"x"}, all_kinds()); });
  CHECK(contains(message, "sparse_linear.pt"));
  CHECK(dense_score(e5.encode({"x"}).dense.row(0), e5.encode({"x"}).dense.row(0)) == doctest::Approx(1));
}

TEST_CASE("progress counts up to the totals") {
  const auto texts = sample_texts();
  EncodeOptions options;
  Progress last;
  options.on_progress = [&](const Progress& progress) {
    CHECK(progress.texts_done >= last.texts_done);
    CHECK(progress.texts_total == texts.size());
    last = progress;
    return true;
  };
  const Embeddings e = tiny().encode(texts, options);
  CHECK(last.texts_done == texts.size());
  CHECK(last.tokens_done == last.tokens_total);
  CHECK(last.tokens_total == std::accumulate(e.token_counts.begin(), e.token_counts.end(), std::size_t{0}));
}

TEST_CASE("progress can stop the call, and the embedder works on") {
  EncodeOptions options;
  int calls = 0;
  options.on_progress = [&](const Progress&) { return ++calls < 3; };
  const auto texts = sample_texts();
  expect_error(ErrorCode::cancelled, [&] { (void)tiny().encode(texts, options); });
  CHECK(calls == 3);
  CHECK(tiny().encode({"after"}).dense.rows() == 1);
}

TEST_CASE("what a callback throws reaches the caller unchanged") {
  EncodeOptions options;
  options.on_progress = [](const Progress&) -> bool { throw std::out_of_range("mine"); };
  CHECK_THROWS_AS((void)tiny().encode({"x"}, options), std::out_of_range);
}

TEST_CASE("hidden states are handed out for every layer and text") {
  const auto texts = sample_texts();
  const auto d = tiny().info().config.hidden_size;
  EncodeOptions options;
  std::set<std::pair<std::int64_t, std::size_t>> seen;
  EigenMatrix last(static_cast<Eigen::Index>(texts.size()), d);
  options.on_hidden_states = [&](const HiddenStates& states) {
    CHECK(states.values.cols() == static_cast<std::size_t>(d));
    CHECK(states.values.rows() == static_cast<std::size_t>(states.offsets.back()));
    for (std::size_t k = 0; k < states.texts.size(); ++k) {
      seen.insert({states.layer, states.texts[k]});
      const auto first = static_cast<std::size_t>(states.offsets[k]);
      last.row(static_cast<Eigen::Index>(states.texts[k])) = as_eigen(states.values.row(first));
    }
  };
  const Embeddings e = tiny().encode(texts, options);
  CHECK(seen.size() == texts.size() * static_cast<std::size_t>(tiny().info().config.layers + 1));
  // The tiny model pools CLS: row 0 of the last layer, normalised, is the dense vector.
  last.rowwise().normalize();
  CHECK((last - as_eigen(e.dense)).cwiseAbs().maxCoeff() < 1e-6);
}

TEST_CASE("info tells what was loaded and from where") {
  const ModelInfo& info = tiny().info();
  CHECK(info.directory == models / "tiny");
  CHECK((info.dtype == Dtype::float32));
  CHECK(info.device == "cpu");
  CHECK(info.has_sparse());
  CHECK(info.has_colbert());
  CHECK(info.weight_bytes == info.parameters * 4);
  CHECK(fs::exists(info.tokenizer_file));
  REQUIRE(info.weight_files.size() == 1);
  CHECK(fs::exists(info.weight_files[0]));
}

TEST_CASE("a directory that is no model says what is missing") {
  CHECK(contains(expect_error(ErrorCode::bad_model, [] { Embedder::load("no/such/directory"); }), "no/such/directory"));
  CHECK(
      contains(expect_error(ErrorCode::bad_model, [] { Embedder::load(models / "xlm-r-tokenizer"); }), "config.json"));
}

TEST_CASE("a result that is not a number never leaves, and the error names the text") {
  const test::PatchedModel model(models / "tiny");
  model.set_first("encoder.layer.2.output.LayerNorm.bias", std::numeric_limits<float>::quiet_NaN());
  const Embedder damaged = Embedder::load(model.path());
  for (int kind = 0; kind < 3; ++kind) {
    EncodeOptions options;
    options.dense = kind == 0;
    options.sparse = kind == 1;
    options.colbert = kind == 2;
    const auto message = expect_error(ErrorCode::bad_model, [&] { (void)damaged.encode({"Hello", "World"}, options); });
    CHECK(contains(message, "text 0 of the call (3 tokens): the result has NaN or infinity, computed in float32"));
  }
  CHECK(damaged.statistics().recomputed_batches == 0);
}

TEST_CASE("memory can be given back at any time") {
  const Embeddings before = tiny().encode({"Hello World"});
  tiny().release_memory();
  CHECK(tiny().encode({"Hello World"}).dense == before.dense);
  CHECK(tiny().statistics().batch_tokens_fit == 0);
  CHECK(tiny().info().workspace_bytes_per_token > 0);
}

TEST_CASE("a batch that does not fit is halved, and later calls know") {
  const Embedder embedder = Embedder::load(models / "tiny");
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(repeated("word ", 150) + std::to_string(i));
  const Matrix expected = embedder.encode(texts).dense;
  std::size_t rows = 0;
  EncodeOptions options;
  options.on_hidden_states = [&](const HiddenStates& states) { rows = std::max(rows, states.values.rows()); };
  {
    const test::LimitedMemory memory(1'000'000);  // query, key and value take 768 bytes of a token
    CHECK(max_difference(embedder.encode(texts, options).dense, expected) < 1e-5);
  }
  const std::size_t fit = embedder.statistics().batch_tokens_fit;
  CHECK(fit > 0);
  CHECK(fit < 1'000'000 / 768);
  rows = 0;
  CHECK(max_difference(embedder.encode(texts, options).dense, expected) < 1e-5);
  CHECK(rows > 0);
  CHECK(rows <= fit);
  embedder.release_memory();
  CHECK(embedder.statistics().batch_tokens_fit == 0);
}

TEST_CASE("a text that does not fit by itself ends the call and nothing else") {
  const test::LimitedMemory memory(1'000'000);
  const auto message = expect_error(ErrorCode::out_of_memory, [&] {
    (void)tiny().encode({"one", repeated("word ", 2000)});
  });
  CHECK(contains(message, "not enough memory on cpu for one text of 2002 tokens"));
  CHECK(tiny().encode({"after"}).dense.rows() == 1);
  tiny().release_memory();
}

TEST_CASE("memory that a callback has not is no reason to halve a batch") {
  int calls = 0;
  EncodeOptions options;
  options.on_progress = [&](const Progress&) -> bool {
    ++calls;
    throw std::bad_alloc();
  };
  expect_error(ErrorCode::out_of_memory, [&] { (void)tiny().encode({"one", "two"}, options); });
  CHECK(calls == 1);
  CHECK(tiny().statistics().batch_tokens_fit == 0);
}

TEST_CASE("an unknown device is refused") {
  LoadOptions options;
  options.device = "tpu";
  CHECK(contains(expect_error(ErrorCode::invalid_argument, [&] { Embedder::load(models / "tiny", options); }), "tpu"));
}

TEST_CASE("copies share the model, which outlives the first") {
  const auto copy = [] {
    const Embedder first = Embedder::load(models / "tiny");
    Embedder second = first;
    return second;
  }();
  CHECK(copy.encode({"x"}).dense == tiny().encode({"x"}).dense);
}

TEST_CASE("validate refuses what encode refuses, and nothing else") {
  tiny().validate(all_kinds());
  const auto refused = [&](auto change) {
    EncodeOptions options;
    change(options);
    const auto encode = expect_error(ErrorCode::invalid_argument, [&] { (void)tiny().encode({"x"}, options); });
    CHECK(expect_error(ErrorCode::invalid_argument, [&] { tiny().validate(options); }) == encode);
  };
  refused([](auto& o) { o.dense = false; });
  refused([](auto& o) { o.truncate_dim = 100'000; });
  refused([](auto& o) { o.max_length = 1; });
  refused([](auto& o) { o.max_length = 1'000'000; });
}

TEST_CASE("dense vectors into memory of the caller's") {
  const std::vector<std::string_view> texts = {"one", "two", "one"};
  EncodeOptions options;
  options.truncate_dim = 8;
  std::vector<float> output(25, -7);
  tiny().encode_into(texts, output, options);
  CHECK(std::ranges::equal(std::span(output).first(24), std::span(tiny().encode(texts, options).dense.data(), 24)));
  CHECK(output[24] == -7);
  const auto refused = [&](std::span<float> into, const EncodeOptions& wanted) {
    return expect_error(ErrorCode::invalid_argument, [&] { tiny().encode_into(texts, into, wanted); });
  };
  CHECK(contains(refused(std::span(output).first(23), options), "room for 3 x 8 floats, found 23"));
  CHECK(contains(refused(std::span(output).first(24), all_kinds()), "dense vectors alone"));
  tiny().encode_into({}, {});
}

TEST_CASE("a prompt comes before each text, and token ids have none") {
  const std::vector<std::string> texts = {"a", "", "b c"};
  const std::vector<std::string> prompted = {"query: a", "query: ", "query: b c"};
  EncodeOptions options;
  options.prompt = "query: ";
  check_close(tiny().encode(texts, options), tiny().encode(prompted), 1e-6, 1);
  CHECK(tiny().encode(texts, options).token_counts == tiny().encode(prompted).token_counts);
  options.prompt = "";
  check_close(tiny().encode(texts, options), tiny().encode(texts), 1e-6, 1);

  BatchingEmbedder batching(tiny());
  RequestOptions request;
  request.encode.prompt = options.prompt = "query: ";
  check_close(batching.submit(texts, request).get(), tiny().encode(prompted), 1e-5, 1);

  CHECK(contains(expect_error(ErrorCode::invalid_argument,
                              [&] {
                                (void)tiny().encode_ids({{0, 5, 2}}, options);
                              }),
                 "prompt"));
  options.prompt_name = "query";
  CHECK(contains(expect_error(ErrorCode::invalid_argument, [&] { tiny().validate(options); }), "exclude each other"));
  options.prompt = std::nullopt;
  CHECK_NOTHROW(tiny().validate(options));
  options.prompt_name = "nix";
  const auto refuse = [&](const auto& call) { return expect_error(ErrorCode::invalid_argument, call); };
  CHECK(contains(refuse([&] { tiny().validate(options); }), "'nix'"));
  CHECK(contains(refuse([&] { (void)tiny().encode(texts, options); }), "'nix'"));
  request.encode = options;
  CHECK(contains(refuse([&] { (void)batching.submit(texts, request); }), "'nix'"));
}
