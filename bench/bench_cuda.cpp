// The embedder on a GPU, full-size random model: tokens/s, share of the matmul ceiling of the same run, peak memory. In
// float16, and on GPUs that have it in float8.
//
//   bgem3_bench_cuda [--benchmark_filter=mixed] [--benchmark_out=cuda.json]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "bgem3/bgem3.h"
#include "bgem3/cuda.h"
#include "process_memory.h"

namespace {

using namespace bgem3;
using benchmark::Counter;
using benchmark::State;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

void synchronize() { c10::impl::VirtualGuardImpl(at::kCUDA).synchronizeDevice(0); }

int64_t peak_device_bytes() {
  constexpr auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return c10::getDeviceAllocator(at::kCUDA)->getDeviceStats(0).allocated_bytes[all].peak;
}

// Operations per second of the best of some large products in float16.
double ceiling() {
  static const double best = [] {
    constexpr int64_t n = 8192;
    const at::Tensor a = at::randn({n, n}).to(at::kHalf).to(at::kCUDA), b = a.t();
    double fastest = 1e9;
    for (int round = 0; round < 10; ++round) {
      const auto begin = Clock::now();
      const at::Tensor product = at::matmul(a, b);
      synchronize();
      fastest = std::min(fastest, seconds_since(begin));
    }
    return 2.0 * n * n * n / fastest;
  }();
  return best;
}

// How a model is loaded.
struct Setup {
  Dtype dtype = Dtype::float16;
  bool graphs = false;

  bool operator==(const Setup&) const = default;
};

Embedder load(const char* model, const Setup& setup = {}) {
  LoadOptions options;
  options.device = "cuda";
  options.dtype = setup.dtype;
  options.cuda_graphs = setup.graphs;
  return Embedder::load(fs::path(BGEM3_TEST_MODELS_DIR) / model, options);
}

// One at a time, so that peak memory is that of one.
const Embedder& full_size(const Setup& setup) {
  static std::optional<std::pair<Setup, Embedder>> held;
  if (!held || held->first != setup) {
    held.reset();
    held.emplace(setup, load("full", setup));
  }
  return held->second;
}

// Texts of about so many tokens, those of cuda_peers.py; no two are alike, nor those of another `first`.
std::vector<std::string> texts_of(const std::vector<int64_t>& lengths, int64_t first = 0) {
  static const char* const words[] = {"bread ", "sun ", "house ", "water ", "tree ", "stone ", "river ", "bird "};
  std::vector<std::string> texts;
  for (int64_t i = 0; const auto length : lengths) {
    std::string& text = texts.emplace_back();
    for (int64_t k = 0; k < length - 3; ++k) text += words[static_cast<std::size_t>(i * i + 7 * k) % std::size(words)];
    text += std::to_string(first + i++);
  }
  return texts;
}

// Log-normal from 6 to 1024, as lengths of real texts are.
std::vector<int64_t> mixed_lengths(int count) {
  std::mt19937 random(11);
  std::lognormal_distribution<double> length(4.5, 1.0);
  std::vector<int64_t> lengths;
  for (int i = 0; i < count; ++i) lengths.push_back(std::clamp<int64_t>(std::lround(length(random)), 6, 1024));
  return lengths;
}

// Of the encoder: products, and scores and sums of attention.
double flops_of(const ModelConfig& c, double tokens) {
  const auto d = static_cast<double>(c.hidden_size), inner = static_cast<double>(c.intermediate_size);
  return static_cast<double>(c.layers) * tokens * (8 * d * d + 4 * d * inner + 4 * d * tokens);
}

void bench_encode(State& state, const std::vector<int64_t>& lengths, const Setup& setup) {
  const Embedder& embedder = full_size(setup);
  const auto texts = texts_of(lengths);
  EncodeOptions options;
  options.batch_size = 256;
  options.batch_tokens = 16384;
  double tokens = 0, flops = 0;
  for (const auto count : embedder.encode(texts, options).token_counts) {
    tokens += static_cast<double>(count);
    flops += flops_of(embedder.info().config, static_cast<double>(count));
  }
  const double limit = ceiling();
  c10::getDeviceAllocator(at::kCUDA)->resetPeakStats(0);
  for (auto _ : state) benchmark::DoNotOptimize(embedder.encode(texts, options));
  state.counters["tokens/s"] = Counter(tokens, Counter::kIsIterationInvariantRate);
  state.counters["%ceiling"] = Counter(100 * flops / limit, Counter::kIsIterationInvariantRate);
  state.counters["peak_device_MB"] = static_cast<double>(peak_device_bytes()) / 1e6;
  state.counters["recomputed"] = static_cast<double>(embedder.statistics().recomputed_batches);
  state.counters["graph_batches"] = static_cast<double>(embedder.statistics().graph_batches);
}

// From load to the first vector; LibTorch's CUDA half is loaded by then.
void bench_load(State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(load("full").encode({"first"}));
}

// What 10,000 calls of random sizes leave behind that 1,000 had not.
void bench_memory(State& state) {
  const Embedder embedder = load("tiny");
  std::mt19937 random(5);
  for (auto _ : state) {
    int64_t device = 0;
    double host = 0;
    for (int64_t call = 0; call < 10000; ++call) {
      if (call == 1000) {
        device = cuda_memory_held("cuda");
        host = bench::resident_megabytes();
      }
      (void)embedder.encode(texts_of(std::vector<int64_t>(1 + random() % 8, 2 + random() % 500), 10 * call));
    }
    state.counters["device_growth_MB"] = static_cast<double>(cuda_memory_held("cuda") - device) / 1e6;
    state.counters["host_growth_MB"] = bench::resident_megabytes() - host;
  }
}

void register_encode(const std::string& name, const std::vector<int64_t>& lengths, const Setup& setup = {}) {
  benchmark::RegisterBenchmark(name.c_str(), bench_encode, lengths, setup)
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime()
      ->Repetitions(3);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  try {
    benchmark::AddCustomContext("gpu", cuda_devices()[0].name);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  benchmark::RegisterBenchmark("load", bench_load)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(2);
  register_encode("1 x 16", {16});
  register_encode("1 x 32", {32});
  register_encode("1 x 256", {256});
  register_encode("8 x 24", std::vector<int64_t>(8, 24));
  register_encode("12 x 512", std::vector<int64_t>(12, 512));
  register_encode("1 x 2048", {2048});
  register_encode("1 x 8192", {8192});
  register_encode("12 x 8192", std::vector<int64_t>(12, 8192));
  register_encode("24 mixed", mixed_lengths(24));
  register_encode("1000 short", std::vector<int64_t>(1000, 12));
  register_encode("20000 short", std::vector<int64_t>(20000, 12));  // tokenised while computed
  register_encode("1 x 16, graphs", {16}, {.graphs = true});
  register_encode("1 x 32, graphs", {32}, {.graphs = true});
  register_encode("1 x 256, graphs", {256}, {.graphs = true});
  register_encode("8 x 24, graphs", std::vector<int64_t>(8, 24), {.graphs = true});
  if (cuda_devices()[0].compute_capability / 10 == 9) {
    register_encode("1 x 32 float8", {32}, {.dtype = Dtype::float8});
    register_encode("12 x 512 float8", std::vector<int64_t>(12, 512), {.dtype = Dtype::float8});
    register_encode("24 mixed float8", mixed_lengths(24), {.dtype = Dtype::float8});
  }
  benchmark::RegisterBenchmark("memory", bench_memory)->Unit(benchmark::kSecond)->UseRealTime()->Iterations(1);
  benchmark::AddCustomContext("matmul_tflops", std::to_string(ceiling() / 1e12));
  benchmark::RunSpecifiedBenchmarks();
}
