// The parts of the encoder and the whole of it at BGE-M3's size, on random weights, each with its share of the matmul
// ceiling: the best rate, in this run, of a large product in float32 by any library in LibTorch.
//
//   bgem3_bench_encoder [--benchmark_filter=linear] [--benchmark_repetitions=5]

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include "bgem3/bgem3.h"
#include "bgem3/blocks.h"
#include "process_memory.h"
#include "workloads.h"

namespace {

using namespace bgem3;
using benchmark::State;

const ModelConfig config{};  // BGE-M3's

// Measuring

double best_seconds(int rounds, const auto& work) {
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

Linear random_linear(int64_t out, int64_t in) { return {at::randn({out, in}).mul_(0.03), at::randn({out})}; }

double ceiling() {
  static const double flops_per_second = [] {
    constexpr int64_t n = 4096;
    const at::Tensor a = at::randn({n, n});
    Linear packed = random_linear(n, n);
    const at::Tensor b = packed.plain()->weight().t();
    pack(packed);
    const double plain = best_seconds(3, [&] { (void)at::matmul(a, b); });
    const double blocked = best_seconds(3, [&] { (void)linear(a, packed); });
    return 2.0 * n * n * n / std::min(plain, blocked);
  }();
  return flops_per_second;
}

// Runs `work`, of so many floating point operations on so many tokens.
void measure(State& state, double tokens, double flops, const auto& work) {
  const c10::InferenceMode guard;
  const double limit = ceiling();
  bench::forget_peak();
  work();
  for (auto _ : state) work();
  using benchmark::Counter;
  state.counters["tokens/s"] = Counter(tokens, Counter::kIsIterationInvariantRate);
  state.counters["%ceiling"] = Counter(100 * flops / limit, Counter::kIsIterationInvariantRate);
  state.counters["peak_MB"] = bench::peak_megabytes();
}

// Parts

double linear_flops(double rows, double in, double out) { return 2 * rows * in * out; }

// Query · key and weights · value.
double attention_flops(double texts, double length) {
  return 4 * texts * length * length * static_cast<double>(config.hidden_size);
}

PackedBatch batch_of(int64_t texts, int64_t length) {
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(length), 7);
  const std::vector<std::span<const std::int32_t>> all(static_cast<std::size_t>(texts), ids);
  return pack_texts(all, config);
}

bert::LayerWeights random_layer() {
  const int64_t d = config.hidden_size, f = config.intermediate_size;
  const auto norm = [&] { return LayerNorm{at::randn({d}), at::randn({d})}; };
  bert::LayerWeights layer{{.qkv = random_linear(3 * d, d),
                            .query = {},
                            .key_value = {},
                            .output = random_linear(d, d),
                            .norm = norm(),
                            .relative_bias = {}},
                           {.up = random_linear(f, d), .down = random_linear(d, f), .norm = norm()}};
  for (auto* linear : bert::linear_layers(layer)) pack(*linear);
  return layer;
}

void bench_linear(State& state) {
  const int64_t rows = state.range(0), in = state.range(1), out = state.range(2);
  Linear layer = random_linear(out, in);
  if (state.range(3) != 0) pack(layer);
  const at::Tensor input = at::randn({rows, in});
  measure(state, static_cast<double>(rows), linear_flops(rows, in, out), [&] { (void)linear(input, layer); });
}

void bench_linear_gelu(State& state) {
  const int64_t rows = state.range(0), in = config.hidden_size, out = config.intermediate_size;
  Linear layer = random_linear(out, in);
  pack(layer);
  const at::Tensor input = at::randn({rows, in});
  measure(state, static_cast<double>(rows), linear_flops(rows, in, out), [&] { (void)linear_gelu(input, layer); });
}

void bench_attention(State& state) {
  const PackedBatch batch = batch_of(state.range(0), state.range(1));
  const auto heads = [&] { return at::randn({batch.tokens(), config.heads, config.hidden_size / config.heads}); };
  const at::Tensor query = heads(), key = heads(), value = heads();
  const at::Tensor bias = state.range(2) != 0 ? at::randn({config.heads, 2 * state.range(1) - 1}) : at::Tensor();
  measure(state, static_cast<double>(batch.tokens()), attention_flops(state.range(0), state.range(1)),
          [&] { (void)packed_attention(query, key, value, batch, bias); });
}

void bench_layer_norm(State& state) {
  const LayerNorm norm{at::randn({config.hidden_size}), at::randn({config.hidden_size})};
  const at::Tensor input = at::randn({state.range(0), config.hidden_size});
  measure(state, static_cast<double>(state.range(0)), 0, [&] { (void)layer_norm(input, norm, config.layer_norm_eps); });
}

// Of one text whose tokens all differ; a part of the vocabulary, whose rows are pages apart too.
void bench_embed_input(State& state) {
  const int64_t d = config.hidden_size;
  const InputEmbeddingWeights weights{.word = at::randn({8192, d}),
                                      .position = at::randn({config.position_rows, d}),
                                      .token_type = at::randn({1, d}),
                                      .norm = {at::randn({d}), at::randn({d})}};
  std::vector<std::int32_t> ids(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i * 4097 % 8192);
  const PackedBatch batch = pack_texts({{ids}}, config);
  measure(state, static_cast<double>(batch.tokens()), 0,
          [&] { (void)embed_input(batch, weights, config.layer_norm_eps); });
}

// All three results of a text's last hidden states.
void bench_heads(State& state) {
  const int64_t d = config.hidden_size;
  const PackedBatch batch = batch_of(1, state.range(0));
  const at::Tensor hidden = at::randn({batch.tokens(), d});
  const Linear sparse = random_linear(1, d);
  Linear colbert = random_linear(d, d);
  pack(colbert);
  measure(state, static_cast<double>(batch.tokens()), linear_flops(state.range(0), d, d + 1), [&] {
    (void)l2_normalize(pool(hidden, batch, Pooling::cls));
    (void)token_weights(hidden, sparse);
    (void)l2_normalize(colbert_projection(hidden, colbert));
  });
}

void bench_layer(State& state) {
  const PackedBatch batch = batch_of(state.range(0), state.range(1));
  const bert::LayerWeights layer = random_layer();
  const at::Tensor hidden = at::randn({batch.tokens(), config.hidden_size});
  const double flops = static_cast<double>(batch.texts()) * bench::layer_flops(config, state.range(1));
  measure(state, static_cast<double>(batch.tokens()), flops,
          [&] { (void)bert::layer({hidden}, batch, layer, config); });
}

BENCHMARK(bench_linear)
    ->Name("linear")
    ->ArgNames({"rows", "in", "out", "packed"})
    ->ArgsProduct({{2, 16, 32, 64, 512, 4096}, {1024}, {1024, 4096}, {0, 1}})
    ->ArgsProduct({{2, 64, 4096}, {4096}, {1024}, {0, 1}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK(bench_linear_gelu)->Name("linear_gelu")->Arg(64)->Arg(4096)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(bench_attention)
    ->Name("attention")
    ->ArgNames({"texts", "length", "bias"})
    ->ArgsProduct({{1}, {16, 128, 512, 2048, 8192}, {0}})
    ->ArgsProduct({{8}, {512}, {0, 1}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK(bench_layer_norm)->Name("layer_norm")->Arg(64)->Arg(4096)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(bench_embed_input)->Name("embed_input")->Arg(64)->Arg(4096)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(bench_heads)->Name("heads")->Arg(64)->Arg(4096)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(bench_layer)
    ->Name("layer")
    ->ArgNames({"texts", "length"})
    ->Args({1, 16})
    ->Args({1, 32})
    ->Args({1, 512})
    ->Args({8, 512})
    ->Args({1, 2048})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// The whole, on models/full

// A text of about `tokens` tokens; no two are alike.
std::string text_of(int64_t tokens, std::mt19937& random) {
  static const char* const words[] = {"bread ", "sun ", "house ", "water ", "tree ", "stone ", "river ", "bird "};
  std::string text;
  for (int64_t i = 2; i < tokens; ++i) text += words[random() % std::size(words)];
  return text;
}

void bench_encode(State& state, const std::vector<int64_t>& lengths) {
  static const Embedder embedder = Embedder::load(std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "full");
  std::mt19937 random(1);
  std::vector<std::string> texts;
  for (const auto length : lengths) texts.push_back(text_of(length, random));
  double tokens = 0, flops = 0;
  for (const auto count : embedder.encode(texts).token_counts) {
    tokens += static_cast<double>(count);
    flops += bench::cls_flops(config, static_cast<double>(count));
  }
  measure(state, tokens, flops, [&] { (void)embedder.encode(texts); });
}

void register_whole() {
  const std::pair<const char*, std::vector<int64_t>> workloads[] = {
      {"1x16", {16}},
      {"1x32", {32}},
      {"2 short", {8, 12}},
      {"12x512", std::vector<int64_t>(12, 512)},
      {"1x2048", {2048}},
      {"1x8192", {8192}},
      {"24 mixed", bench::mixed_lengths},
  };
  for (const auto& [name, lengths] : workloads) {
    benchmark::RegisterBenchmark((std::string("encode/") + name).c_str(), bench_encode, lengths)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (std::filesystem::is_directory(std::filesystem::path(BGEM3_TEST_MODELS_DIR) / "full")) register_whole();
  benchmark::RunSpecifiedBenchmarks();
}
