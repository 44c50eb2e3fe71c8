// The embedder on a GPU, full-size random model: tokens/s, share of the matmul ceiling of the same run, peak memory. In
// float16, and on GPUs that have it in float8.
//
//   bgem3_bench_cuda [--benchmark_filter=mixed] [--benchmark_out=cuda.json]
//   bgem3_bench_cuda --benchmark_list_tests        (needs no GPU)

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/Context.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include "bgem3/bgem3.h"
#include "bgem3/cuda.h"
#include "bgem3/kernels/cuda_ops.h"
#include "process_memory.h"
#include "workloads.h"

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

// Operations per second of large products in float16.
struct Ceiling {
  double sustained;  // the median over a second and more: what power and heat allow for as long as one likes
  double best;       // of a few milliseconds
};

Ceiling measure_ceiling() {
  constexpr int64_t n = 8192, products = 20, rounds = 40;
  const at::Tensor a = at::randn({n, n}).to(at::kHalf).to(at::kCUDA), b = at::randn({n, n}).to(at::kHalf).to(at::kCUDA);
  at::Tensor product = at::matmul(a, b.t());
  std::vector<double> rates;
  for (int64_t round = 0; round < rounds; ++round) {
    synchronize();
    const auto begin = Clock::now();
    for (int64_t i = 0; i < products; ++i) at::matmul_out(product, a, b.t());
    synchronize();
    rates.push_back(products * 2.0 * n * n * n / seconds_since(begin));
  }
  std::sort(rates.begin(), rates.end());
  return {rates[rounds / 2], rates.back()};
}

const Ceiling& ceiling() {
  static const Ceiling measured = measure_ceiling();
  return measured;
}

// How a model is loaded.
struct Setup {
  Dtype dtype = Dtype::float16;
  bool graphs = true;

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

// Texts of so many tokens, from 10 on, those of cuda_peers.py: words that are one token each, of which the first seven
// count the texts from `first` on, so that no two are alike.
std::vector<std::string> texts_of(const std::vector<int64_t>& lengths, int64_t first = 0) {
  static const char* const words[] = {"bread ", "sun ", "house ", "water ", "tree ", "milk ", "river ", "light "};
  std::vector<std::string> texts;
  for (int64_t i = first; const auto length : lengths) {
    std::string& text = texts.emplace_back();
    for (int64_t k = 0; k < length - 2; ++k) {
      const int64_t word = k < 7 ? i >> (3 * k) : i * i + 7 * k;
      text += words[static_cast<std::size_t>(word) % std::size(words)];
    }
    ++i;
  }
  return texts;
}

void bench_encode(State& state, const std::vector<int64_t>& lengths, const Setup& setup) {
  const Embedder& embedder = full_size(setup);
  const auto texts = texts_of(lengths);
  const EncodeOptions options;
  double tokens = 0, flops = 0;
  for (const auto count : embedder.encode(texts, options).token_counts) {
    tokens += static_cast<double>(count);
    flops += bench::cls_flops(embedder.info().config, static_cast<double>(count));
  }
  const double limit = ceiling().sustained;
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

// The rate of `work`, which queues so much of what `counter` counts.
template <typename Work>
void bench_device(State& state, const Work& work, const char* counter, double amount) {
  constexpr int several = 20;
  work();
  synchronize();
  for (auto _ : state) {
    for (int i = 0; i < several; ++i) work();
    synchronize();
  }
  state.counters[counter] = Counter(several * amount, Counter::kIsIterationInvariantRate);
}

// A product of a layer with its bias, by the weights of 24 layers in turn: none waits in the cache for the next.
// `first_suggestion`: as cuBLASLt suggests it first; else by the fastest of what it suggests.
void bench_product(State& state, int64_t rows, int64_t inputs, int64_t outputs, bool gelu, bool first_suggestion) {
  const c10::InferenceMode guard;
  const auto options = at::TensorOptions(at::kHalf).device(at::kCUDA);
  const at::Tensor input = at::randn({rows, inputs}, options), bias = at::randn({outputs}, options);
  std::vector<at::Tensor> weights(24);
  for (auto& weight : weights) weight = at::randn({outputs, inputs}, options);
  const auto multiply = [&] {
    for (const auto& weight : weights) (void)detail::CudaOps::get().product(input, weight, bias, gelu);
  };
  const double products = 2.0 * static_cast<double>(weights.size() * static_cast<std::size_t>(rows * inputs * outputs));
  at::globalContext().setDeterministicAlgorithms(first_suggestion, /*warn_only=*/true);
  bench_device(state, multiply, "TFLOP/s", products / 1e12);
  at::globalContext().setDeterministicAlgorithms(false, /*warn_only=*/true);
}

// The sum of two tensors of so many rows, normalised: two are read, one is written.
void bench_layer_norm(State& state, int64_t rows) {
  const c10::InferenceMode guard;
  const auto options = at::TensorOptions(at::kHalf).device(at::kCUDA);
  const at::Tensor hidden = at::randn({rows, 1024}, options), residual = at::randn({rows, 1024}, options);
  const at::Tensor weight = at::ones({1024}, options.dtype(at::kFloat));
  const auto normalize = [&] { (void)detail::CudaOps::get().add_layer_norm(hidden, residual, weight, weight, 1e-5); };
  bench_device(state, normalize, "GB/s", 3 * static_cast<double>(hidden.nbytes()) / 1e9);
}

// A kernel of attention, to choose by: BGE-M3's heads, queries, keys and values beside each other as a layer has them.
void bench_attention(State& state, const char* kernel, int64_t texts, int64_t length) {
  const c10::InferenceMode guard;
  const at::Tensor all = at::randn({texts * length, 48, 64}).to(at::kHalf).to(at::kCUDA);
  const at::Tensor query = all.narrow(1, 0, 16), key = all.narrow(1, 16, 16), value = all.narrow(1, 32, 16);
  const at::Tensor offsets = at::arange(0, (texts + 1) * length, length, at::kInt).to(at::kCUDA);
  const auto attend = [&] {
    (void)detail::CudaOps::get().varlen_attention(query, offsets, length, key, value, offsets, length, kernel);
  };
  const auto n = static_cast<double>(length);
  try {
    bench_device(state, attend, "TFLOP/s", static_cast<double>(texts) * 4 * n * n * 1024 / 1e12);
  } catch (const c10::Error& error) {  // a kernel that this GPU or these sizes are not for
    state.SkipWithError(error.what_without_backtrace());
  }
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

void register_device(const std::string& name, const std::function<void(State&)>& bench) {
  benchmark::RegisterBenchmark(name.c_str(), bench)->Unit(benchmark::kMicrosecond)->UseRealTime();
}

// Those of a layer, by the tokens of a batch.
void register_products() {
  for (const int64_t rows : {32, 512, 2048, 3072, 6144, 12032, 16384}) {
    const auto add = [&](const char* part, int64_t inputs, int64_t outputs) {
      const bool gelu = std::string_view(part) == "up";
      const std::string name = "product " + std::to_string(rows) + ", " + part;
      register_device(name, [=](State& state) { bench_product(state, rows, inputs, outputs, gelu, false); });
      if (rows < 2048) return;  // the same
      register_device(name + ", first", [=](State& state) { bench_product(state, rows, inputs, outputs, gelu, true); });
    };
    add("qkv", 1024, 3072);
    add("out", 1024, 1024);
    add("up", 1024, 4096);
    add("down", 4096, 1024);
    register_device("layer norm " + std::to_string(rows), [=](State& state) { bench_layer_norm(state, rows); });
  }
}

void register_attention() {
  for (const char* kernel : {"short", "long", "flash", "efficient"}) {
    for (const auto& [texts, length] : {std::pair<int64_t, int64_t>{1, 32},
                                        {64, 32},
                                        {1000, 12},
                                        {100, 64},
                                        {100, 128},
                                        {24, 256},
                                        {12, 512},
                                        {6, 1024},
                                        {1, 2048},
                                        {2, 8192}}) {
      const std::string name = "attention " + std::to_string(texts) + " x " + std::to_string(length) + ", " + kernel;
      register_device(name, [=](State& state) { bench_attention(state, kernel, texts, length); });
    }
  }
}

void register_workloads() {
  benchmark::RegisterBenchmark("load", bench_load)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(2);
  register_encode("1 x 16", {16});
  register_encode("1 x 32", {32});
  register_encode("1 x 256", {256});
  register_encode("1 x 512", {512});
  register_encode("8 x 24", std::vector<int64_t>(8, 24));
  register_encode("12 x 512", std::vector<int64_t>(12, 512));
  register_encode("384 x 512", std::vector<int64_t>(384, 512));
  register_encode("1 x 2048", {2048});
  register_encode("1 x 8192", {8192});
  register_encode("12 x 8192", std::vector<int64_t>(12, 8192));
  register_encode("160 x 2000", std::vector<int64_t>(160, 2000));  // as the load test of docs/serving.md sends them
  register_encode("24 mixed", bench::mixed_lengths);
  register_encode("1000 short", std::vector<int64_t>(1000, 12));
  register_encode("20000 short", std::vector<int64_t>(20000, 12));  // tokenised while computed
  register_encode("1 x 16, no graphs", {16}, {.graphs = false});
  register_encode("1 x 32, no graphs", {32}, {.graphs = false});
  register_encode("1 x 256, no graphs", {256}, {.graphs = false});
  register_encode("8 x 24, no graphs", std::vector<int64_t>(8, 24), {.graphs = false});
}

void register_float8() {
  for (const auto dtype : {Dtype::float8, Dtype::float8_fast}) {
    const std::string name(to_string(dtype));
    register_encode("1 x 32 " + name, {32}, {.dtype = dtype});
    register_encode("12 x 512 " + name, std::vector<int64_t>(12, 512), {.dtype = dtype});
    register_encode("24 mixed " + name, bench::mixed_lengths, {.dtype = dtype});
  }
}

void register_all(bool float8) {
  register_workloads();
  if (float8) register_float8();
  benchmark::RegisterBenchmark("memory", bench_memory)->Unit(benchmark::kSecond)->UseRealTime()->Iterations(1);
  register_products();
  register_attention();
}

bool is_list(int argc, char** argv) {
  return std::any_of(argv, argv + argc, [](std::string_view argument) {
    return argument == "--benchmark_list_tests" || argument == "--benchmark_list_tests=true";
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bool list = is_list(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  if (list) {
    register_all(true);
    return benchmark::RunSpecifiedBenchmarks() == 0 ? 1 : 0;
  }
  try {
    const auto gpu = cuda_devices()[0];
    benchmark::AddCustomContext("gpu", gpu.name);
    register_all(gpu.compute_capability / 10 == 9);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  benchmark::AddCustomContext("matmul_tflops", std::to_string(ceiling().sustained / 1e12));
  benchmark::AddCustomContext("matmul_tflops_best", std::to_string(ceiling().best / 1e12));
  benchmark::RunSpecifiedBenchmarks();
}
