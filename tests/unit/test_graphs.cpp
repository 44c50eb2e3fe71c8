#include "support/doctest_torch.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include "bgem3/bgem3.h"
#include "model/batch_graphs.h"
#include "model/graph_shape.h"
#include "model/loaded_model.h"
#include "pipeline/forward.h"
#include "pipeline/pipeline.h"
#include "support/changed_weights.h"
#include "support/embeddings.h"
#include "support/fake_graph.h"

using namespace bgem3;
using test::all_kinds;
using test::check_close;
using test::FakeGraph;
using test::max_difference;
using test::record_fake;

// CUDA graphs without a GPU: everything around recording and replaying, with graphs that call the recorded work again.
// On a GPU: tests/gpu/test_graphs.cpp.

namespace {

using Views = std::vector<std::span<const std::int32_t>>;

LoadedModel from_files(ModelKind kind) {
  const char* const directory = kind == ModelKind::embedder ? "/tiny" : "/tiny-reranker";
  return load_directory(std::string(BGEM3_TEST_MODELS_DIR) + directory, {}, kind);
}

// With weights and tokenizer of one for all, but a state of its own.
LoadedModel load(ModelKind kind = ModelKind::embedder) {
  static const LoadedModel embedder = from_files(ModelKind::embedder), reranker = from_files(ModelKind::reranker);
  const LoadedModel& files = kind == ModelKind::embedder ? embedder : reranker;
  LoadedModel loaded{files.models, files.computing, files.tokenizer, files.info, std::make_unique<DeviceUse>(1)};
  loaded.models[0].state = std::make_shared<RunState>(at::kCPU);
  return loaded;
}

LoadedModel load_with_graphs() {
  LoadedModel loaded = load();
  loaded.models[0].state->streams.graph_use.record = record_fake;
  return loaded;
}

Embeddings encode(const LoadedModel& loaded, const std::vector<std::string>& texts, const EncodeOptions& options) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return run_pipeline(loaded, views, options);
}

std::uint64_t graph_batches(const LoadedModel& loaded) { return loaded.models[0].state->streams.graph_use.batches; }

double difference(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

// No two alike, from an empty one to some hundred tokens.
std::vector<std::string> sample_texts(int count) {
  std::vector<std::string> texts = {""};
  for (int i = 1; i < count; ++i) {
    std::string& text = texts.emplace_back();
    for (int word = 0; word < i * 37 % 100; ++word) text += "word" + std::to_string(word * i) + " ";
    text += std::to_string(i);
  }
  return texts;
}

std::vector<TokenIds> random_ids(const std::vector<std::size_t>& lengths) {
  std::vector<TokenIds> texts;
  for (std::size_t i = 0; const auto length : lengths) {
    TokenIds& ids = texts.emplace_back(length, 0);
    for (std::size_t k = 1; k + 1 < length; ++k) ids[k] = static_cast<std::int32_t>(5 + (++i * 7919) % 200000);
    ids.back() = 2;
  }
  return texts;
}

}  // namespace

TEST_CASE("a shape has room for the batch and for padding of one token a text at least") {
  for (std::int64_t texts = 1; texts < 200; texts += 3) {
    for (std::int64_t tokens = texts; tokens < 1100; tokens += 7) {
      const auto shape = find_graph_shape(tokens, texts);
      if (!shape) {
        CHECK(tokens + 2 * texts > graph_tokens_max - 128);
        continue;
      }
      CHECK(shape->tokens <= graph_tokens_max);
      CHECK(shape->texts > texts);
      CHECK(shape->texts <= 2 * texts);
      CHECK(shape->tokens - tokens >= shape->texts - texts);
      CHECK(shape->tokens - tokens - (shape->texts - texts) < (shape->tokens > 512 ? 128 : 64));
      const auto offsets = shape->longest_offsets();
      CHECK(offsets.size() == static_cast<std::size_t>(shape->texts) + 1);
      CHECK(offsets.back() == shape->tokens);
    }
  }
  CHECK((find_graph_shape(16, 1) == GraphShape{32, 2}));
  CHECK((find_graph_shape(32, 1) == GraphShape{64, 2}));
  CHECK((find_graph_shape(500, 3) == GraphShape{512, 4}));
  CHECK((find_graph_shape(512, 1) == GraphShape{640, 2}));
  CHECK((find_graph_shape(1000, 3) == GraphShape{1024, 4}));
  CHECK_FALSE(find_graph_shape(1024, 1));
}

TEST_CASE("padding fills a shape exactly, and no text is longer than a graph expects") {
  for (const auto& lengths : std::vector<std::vector<std::size_t>>{{1}, {31}, {32}, {127}, {5, 3, 2}, {100, 2, 2, 2}}) {
    const auto ids = random_ids(lengths);
    Views texts(ids.begin(), ids.end());
    const std::int64_t tokens = offsets_of(texts).back();
    const auto shape = find_graph_shape(tokens, static_cast<std::int64_t>(texts.size()));
    REQUIRE(shape);
    pad_to(*shape, texts);
    CHECK(texts.size() == static_cast<std::size_t>(shape->texts));
    CHECK(offsets_of(texts).back() == shape->tokens);
    const std::int64_t longest = shape->longest_offsets()[1];
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CHECK(!texts[i].empty());
      CHECK(static_cast<std::int64_t>(texts[i].size()) <= longest);
      if (i < ids.size()) CHECK(texts[i].data() == ids[i].data());
    }
  }
}

TEST_CASE("a padded batch has the results of the batch") {
  const LoadedModel embedder = load(), reranker = load(ModelKind::reranker);
  const c10::InferenceMode no_autograd;
  const auto check = [](const Model& model, const std::vector<std::size_t>& lengths, const ForwardOptions& options) {
    const auto ids = random_ids(lengths);
    Views texts(ids.begin(), ids.end());
    const auto count = static_cast<std::int64_t>(texts.size());
    const PackedBatch plain = pack_texts(texts, model.info.config);
    pad_to(find_graph_shape(plain.tokens(), count).value(), texts);
    const BatchResults expected = forward(model, plain, options, EncoderOptions());
    const BatchResults found = forward(model, pack_texts(texts, model.info.config), options, EncoderOptions());
    const auto same = [](const at::Tensor& padded, const at::Tensor& part) {
      REQUIRE(padded.defined() == part.defined());
      if (part.defined()) CHECK(difference(padded.narrow(0, 0, part.size(0)), part) < 1e-5);
    };
    same(found.dense, expected.dense);
    same(found.relevance, expected.relevance);
    same(found.token_weights, expected.token_weights);
    same(found.colbert, expected.colbert);
    same(found.non_finite, expected.non_finite);
  };
  for (const auto& lengths : std::vector<std::vector<std::size_t>>{
           {2}, {3}, {31}, {33}, {400}, {65, 2}, {7, 7, 7}, {100, 64, 33, 17, 9, 3}, {2, 2, 2, 2, 2, 2, 2, 2}}) {
    CAPTURE(lengths.size());
    CAPTURE(lengths.front());
    check(embedder.models[0], lengths, {.all_rows = true, .dense = true, .sparse = true, .colbert = true});
    check(embedder.models[0], lengths, {.dense = true, .dense_dim = 16});
    check(reranker.models[0], lengths, {.relevance = true});
  }
}

TEST_CASE("a graph is recorded once, works on the same memory always, and its input is the batch's") {
  GraphUse use;
  int recorded = 0;
  use.record = [&](const std::function<void()>& work, cuda::GraphMemory& shared) {
    ++recorded;
    return record_fake(work, shared);
  };
  BatchGraphs graphs(use);
  const ModelConfig config;
  const at::Tensor memory = at::empty({32}, at::kLong);  // as results of a GPU, it stays where it is
  std::vector<const void*> inputs;
  std::vector<std::vector<std::int32_t>> offsets;
  const auto work = [&](const PackedBatch& batch) {
    inputs.push_back(batch.ids.const_data_ptr());
    offsets.push_back(batch.offsets);
    memory.copy_(batch.ids);
    return BatchResults{memory, {}, {}, {}, {}};
  };
  const GraphShape shape{32, 2};
  for (const std::int32_t id : {7, 8, 9}) {
    const std::vector<std::int32_t> ids(10, id);
    Views texts = {ids};
    pad_to(shape, texts);
    const auto results = graphs.run({shape, {}}, detail::stage(texts, config, at::kCPU), at::kCPU, work);
    REQUIRE(results);
    CHECK(results->dense.const_data_ptr() == memory.const_data_ptr());
    CHECK(memory[9].item<int>() == id);
    CHECK(memory[10].item<int>() == 0);
  }
  CHECK(recorded == 1);
  CHECK(use.batches == 3);
  REQUIRE(inputs.size() == 4);  // once to record
  CHECK(std::count(inputs.begin(), inputs.end(), inputs[0]) == 4);
  CHECK(offsets[0] == std::vector<std::int32_t>{0, 31, 32});
  CHECK(offsets[1] == std::vector<std::int32_t>{0, 10, 32});
}

TEST_CASE("a graph gets the token types of each batch, and padding has none") {
  GraphUse use;
  use.record = record_fake;
  BatchGraphs graphs(use);
  const at::Tensor memory = at::empty({32}, at::kLong);
  const auto work = [&](const PackedBatch& batch) {
    memory.copy_(batch.types);
    return BatchResults{memory, {}, {}, {}, {}};
  };
  const std::vector<std::int32_t> ids(10, 7);
  for (const std::size_t second_begin : {4, 0, 7}) {
    Views texts = {ids};
    pad_to({32, 2}, texts);
    const std::vector<std::size_t> begins = {second_begin};
    (void)graphs.run({{32, 2}, {}}, detail::stage(texts, ModelConfig(), at::kCPU, begins), at::kCPU, work);
    for (std::int64_t i = 0; i < 32; ++i) {
      const bool is_second = second_begin != 0 && i >= static_cast<std::int64_t>(second_begin) && i < 10;
      CHECK(memory[i].item<int>() == (is_second ? 1 : 0));
    }
  }
}

TEST_CASE("graphs are as many as fit, one for each shape and options, until they are dropped") {
  GraphUse use;
  use.record = record_fake;
  BatchGraphs graphs(use);
  const auto run = [&](std::int64_t dense_dim) {
    const std::vector<std::int32_t> ids(10);
    Views texts = {ids};
    pad_to({32, 2}, texts);
    const auto work = [](const PackedBatch& batch) { return BatchResults{batch.ids, {}, {}, {}, {}}; };
    const BatchGraphs::Key key{{32, 2}, {.dense = true, .dense_dim = dense_dim}};
    return graphs.run(key, detail::stage(texts, ModelConfig(), at::kCPU), at::kCPU, work).has_value();
  };
  std::int64_t fit = 0;
  while (fit < 1000 && run(fit)) ++fit;
  CHECK(fit == 32);
  CHECK(run(0));
  graphs.clear();
  CHECK(run(1000));
}

TEST_CASE("calls of all sizes give the same with graphs") {
  const LoadedModel plain = load();
  for (const std::size_t batch_size : {1, 2, 3, 12}) {
    CAPTURE(batch_size);
    const auto texts = sample_texts(batch_size < 12 ? 20 : 40);  // a shape has to come twice
    const LoadedModel loaded = load_with_graphs();               // with room for the graphs of these batches
    EncodeOptions options = all_kinds();
    options.batch_size = batch_size;
    const auto before = graph_batches(loaded);
    check_close(encode(loaded, texts, options), encode(plain, texts, options), 1e-5, 10);
    CHECK(graph_batches(loaded) > before);
    options.sparse = options.colbert = false;
    check_close(encode(loaded, texts, options), encode(plain, texts, options), 1e-5, 10);
    options.truncate_dim = 8;
    options.normalize = false;
    check_close(encode(loaded, texts, options), encode(plain, texts, options), 1e-5, 10);
  }
  CHECK(graph_batches(plain) == 0);
}

TEST_CASE("large batches and calls that look at hidden states run without graphs") {
  const LoadedModel loaded = load_with_graphs();
  EncodeOptions options;
  std::string text;
  for (int word = 0; word < 1100; ++word) text += "word ";
  (void)encode(loaded, {text}, options);
  int layers = 0;
  options.on_hidden_states = [&](const HiddenStates&) { ++layers; };
  (void)encode(loaded, {"short"}, options);
  CHECK(layers == loaded.models[0].info.config.layers + 1);
  CHECK(graph_batches(loaded) == 0);
}

TEST_CASE("where recording fails, batches run without graphs, and it is tried again only after release_memory") {
  const LoadedModel plain = load(), loaded = load();
  int tried = 0;
  loaded.models[0].state->streams.graph_use.record = [&](const auto&, auto&) -> std::unique_ptr<cuda::Graph> {
    ++tried;
    throw std::runtime_error("not here");
  };
  const auto texts = sample_texts(10);
  EncodeOptions options = all_kinds();
  options.batch_size = 1;
  for (int call = 0; call < 2; ++call) {
    check_close(encode(loaded, texts, options), encode(plain, texts, options), 1e-5, 10);
  }
  CHECK(tried == 1);
  CHECK(graph_batches(loaded) == 0);
  release_unused_memory(loaded);
  (void)encode(loaded, texts, options);
  CHECK(tried == 2);
}

TEST_CASE("padding that is not a number costs a second turn, and nothing else") {
  LoadedModel plain = load(), loaded = load_with_graphs();
  // Beyond the text, within its padding.
  for (auto* model : {&plain.models[0], &loaded.models[0]}) {
    test::change_weights(*model, [](bert::Weights& weights) {
      weights.input.position = weights.input.position.clone();
      weights.input.position[20].fill_(std::numeric_limits<float>::quiet_NaN());
    });
  }
  check_close(encode(loaded, {"Hello World"}, all_kinds()), encode(plain, {"Hello World"}, all_kinds()), 1e-5, 10);
  CHECK(graph_batches(loaded) == 1);
  CHECK(loaded.models[0].state->recomputed_batches == 0);
}

TEST_CASE("progress and its stop work with graphs") {
  const LoadedModel loaded = load_with_graphs();
  EncodeOptions options;
  options.batch_size = 1;
  std::size_t done = 0;
  options.on_progress = [&](const Progress& progress) {
    done = progress.texts_done;
    return done < 3;
  };
  CHECK_THROWS_AS((void)encode(loaded, sample_texts(10), options), Error);
  CHECK(done == 3);
}

TEST_CASE("memory that is given back takes the graphs along, those in use when their call ends") {
  const LoadedModel loaded = load();
  int recorded = 0;
  loaded.models[0].state->streams.graph_use.record = [&](const std::function<void()>& work, cuda::GraphMemory& shared) {
    ++recorded;
    return record_fake(work, shared);
  };
  EncodeOptions options;
  const auto expected = encode(loaded, {"one", "two"}, options);
  check_close(encode(loaded, {"one", "two"}, options), expected, 1e-5, 10);
  CHECK(recorded == 1);
  release_unused_memory(loaded);
  options.on_progress = [&](const Progress&) {
    release_unused_memory(loaded);
    return true;
  };
  check_close(encode(loaded, {"one", "two"}, options), expected, 1e-5, 10);
  CHECK(recorded == 2);
  options.on_progress = {};
  check_close(encode(loaded, {"one", "two"}, options), expected, 1e-5, 10);
  CHECK(recorded == 3);
}

TEST_CASE("many threads with graphs get what one gets") {
  const LoadedModel plain = load(), loaded = load_with_graphs();
  const auto texts = sample_texts(20);
  EncodeOptions options = all_kinds();
  options.batch_size = 3;
  const Matrix expected = encode(plain, texts, options).dense;
  std::vector<Matrix> found(6);
  std::vector<std::thread> threads;
  for (auto& result : found) {
    threads.emplace_back([&] {
      for (int round = 0; round < 3; ++round) result = encode(loaded, texts, options).dense;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : found) CHECK(max_difference(result, expected) < 1e-5);
}
