#include "support/doctest_torch.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/cosine_similarity.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <torch/library.h>

#include "bgem3/bgem3.h"
#include "bgem3/cuda.h"
#include "bgem3/families/bert.h"
#include "bgem3/families/mpnet.h"
#include "bgem3/layers/checked_results.h"
#include "model/execution.h"
#include "model/graph_shape.h"
#include "support/expect_error.h"
#include "support/row_reference.h"
#include "support/tiny_weights.h"

using namespace bgem3;
using test::contains;
using test::expect_error;

// What of the CUDA part runs without a GPU: its errors, and the way from ids to results with the operators replaced by
// their references. The kernels run in test_kernels.cpp and test_attention_kernels.cpp, and on a GPU in tests/gpu.

namespace {

constexpr const char* tiny = BGEM3_TEST_MODELS_DIR "/tiny";

bool has_gpu() {
  try {
    return !cuda_devices().empty();
  } catch (const Error&) {
    return false;
  }
}

Embedder load_on(const std::string& device) {
  LoadOptions options;
  options.device = device;
  return Embedder::load(tiny, options);
}

}  // namespace

TEST_CASE("a name that is no device says what is expected") {
  for (const char* name : {"cuda:", "cuda:one", "cuda:-1", "cuda:0x"}) {
    CHECK(contains(expect_error(ErrorCode::invalid_argument, [&] { load_on(name); }), "expected 'cuda' or 'cuda:N'"));
  }
  for (const char* name : {"cudax", "gpu", ""}) {
    CHECK(contains(expect_error(ErrorCode::invalid_argument, [&] { load_on(name); }), "expected 'cpu', 'cuda' or"));
  }
}

TEST_CASE("a GPU that is not there: the error says why and what to do") {
  if (has_gpu()) {
    const std::string message = expect_error(ErrorCode::invalid_argument, [] { load_on("cuda:99"); });
    CHECK(contains(message, "from 0: " + cuda_devices()[0].name));
    return;
  }
  for (const char* name : {"cuda", "cuda:0", "cuda:99"}) {
    const std::string message = expect_error(ErrorCode::invalid_argument, [&] { load_on(name); });
    CHECK(contains(message, "CUDA cannot be used: "));
    CHECK(contains(message, "or use device 'cpu'"));
  }
  CHECK(Embedder::load(tiny).encode({"still works"}).dense.rows() == 1);
}

TEST_CASE("a dtype that a GPU cannot compute in says what is needed") {
  const CudaDevice turing{"T4", 75, 0}, ada{"L4", 89, 0}, hopper{"H100", 90, 0}, blackwell{"B200", 100, 0};
  const auto refused = [](Dtype dtype, const CudaDevice& device) {
    return expect_error(ErrorCode::invalid_argument, [&] { (void)choose_dtype_on_cuda(dtype, device); });
  };
  for (const auto& device : {turing, ada, hopper, blackwell}) {
    CHECK(choose_dtype_on_cuda(Dtype::automatic, device) == Dtype::float16);
    CHECK(choose_dtype_on_cuda(Dtype::float32, device) == Dtype::float32);
    CHECK(contains(refused(Dtype::int8, device), "int8 is for the CPU"));
  }
  CHECK(refused(Dtype::int8, turing) == "dtype int8 is for the CPU; on CUDA use float32 or float16");
  CHECK(refused(Dtype::int8, ada) == "dtype int8 is for the CPU; on CUDA use float32, float16 or bfloat16");
  CHECK(refused(Dtype::int8, hopper).ends_with("use float32, float16, bfloat16, float8 or float8_fast"));
  CHECK(refused(Dtype::int8, blackwell).ends_with("use float32, float16 or bfloat16"));
  CHECK(choose_dtype_on_cuda(Dtype::bfloat16, ada) == Dtype::bfloat16);
  CHECK(refused(Dtype::bfloat16, turing) ==
        "dtype bfloat16 needs a GPU of compute capability 8.0 (Ampere) or later, T4 has 7.5; use float16");
  CHECK(choose_dtype_on_cuda(Dtype::float8, hopper) == Dtype::float8);
  CHECK(choose_dtype_on_cuda(Dtype::float8_fast, hopper) == Dtype::float8_fast);
  CHECK(contains(refused(Dtype::float8_fast, ada), "dtype float8_fast needs a GPU of compute capability 9.x"));
  CHECK(contains(refused(Dtype::float8, ada), "9.x (Hopper), L4 has 8.9; use float16"));
  CHECK(contains(refused(Dtype::float8, blackwell), "B200 has 10.0"));
  CHECK(contains(refused(Dtype::automatic, {"P100", 60, 0}), "P100 has compute capability 6.0; expected 7.5"));
}

#if defined(BGEM3_HAS_CUDA)

namespace {

using at::Tensor;

Tensor add_layer_norm(const Tensor& hidden, const Tensor& residual, const Tensor& weight, const Tensor& bias,
                      double eps) {
  return test::reference_add_layer_norm(hidden, residual, weight, bias, eps).to(hidden.scalar_type());
}

std::tuple<Tensor, Tensor, Tensor> add_layer_norm_quantize(const Tensor& hidden, const Tensor& residual,
                                                           const Tensor& weight, const Tensor& bias, double eps) {
  const Tensor rows = add_layer_norm(hidden, residual, weight, bias, eps);
  const auto float8 = detail::quantize_rows(rows);
  return {rows, float8.values, float8.scale};
}

std::tuple<Tensor, Tensor> gelu_quantize_rows(const Tensor& rows) {
  const auto float8 = detail::quantize_rows(at::gelu(rows));
  return {float8.values, float8.scale};
}

Tensor embed_layer_norm(const Tensor& ids, const Tensor& positions, const std::optional<Tensor>& types,
                        const Tensor& word, const Tensor& position, const Tensor& token_type, const Tensor& weight,
                        const Tensor& bias, double eps, at::ScalarType dtype) {
  return test::reference_embed_layer_norm(ids, positions, types, word, position, token_type, weight, bias, eps)
      .to(dtype);
}

Tensor varlen_attention(const Tensor& query, const Tensor& query_offsets, int64_t query_max, const Tensor& key,
                        const Tensor& value, const Tensor& key_offsets, int64_t key_max, std::string_view kernel) {
  const auto longest = [](const Tensor& offsets) { return offsets.diff().max().item<int64_t>(); };
  CHECK(query_max >= longest(query_offsets));
  CHECK(key_max >= longest(key_offsets));
  CHECK(kernel == "auto");
  return test::reference_attention(query, query_offsets, key, value, key_offsets).to(query.scalar_type());
}

Tensor product(const Tensor& input, const Tensor& weight, const Tensor& bias, bool gelu) {
  const Tensor rows = at::linear(input, weight, bias);
  return gelu ? at::gelu(rows, "tanh") : rows;
}

TORCH_LIBRARY_IMPL(bgem3, CPU, library) {
  library.impl("product", product);
  library.impl("add_layer_norm", add_layer_norm);
  library.impl("add_layer_norm_quantize", add_layer_norm_quantize);
  library.impl("gelu_quantize_rows", gelu_quantize_rows);
  library.impl("embed_layer_norm", embed_layer_norm);
  library.impl("varlen_attention", varlen_attention);
}

// As pack_texts() leaves it for a GPU.
PackedBatch batch_for_gpu(const std::vector<std::vector<std::int32_t>>& texts, const ModelConfig& config,
                          const std::vector<std::size_t>& second_begins = {}) {
  const std::vector<std::span<const std::int32_t>> views(texts.begin(), texts.end());
  PackedBatch batch = pack_texts(views, config, at::kCPU, second_begins);
  batch.device_offsets = at::tensor(batch.offsets, at::kInt);
  return batch;
}

// While it lives, layers of this thread are computed by the operators above.
struct EmulatedGpu {
  EmulatedGpu() { detail::emulates_gpu = true; }
  EmulatedGpu(const EmulatedGpu&) = delete;
  EmulatedGpu& operator=(const EmulatedGpu&) = delete;
  ~EmulatedGpu() { detail::emulates_gpu = false; }
};

// What work() computes on that GPU.
template <typename Work>
auto on_gpu(const Work& work) {
  const EmulatedGpu gpu;
  return work();
}

}  // namespace

TEST_CASE("the operators are there once the library is loaded, with the signatures that headers expect") {
  (void)has_gpu();
  CHECK_NOTHROW((void)detail::CudaOps::get());
}

TEST_CASE("LibTorch takes its CUDA half late, after it was used on the CPU") {
  (void)Embedder::load(tiny).encode({"first"});
  (void)has_gpu();
  CHECK(at::detail::getCUDAHooks().compiledWithCuDNN());
}

TEST_CASE("an encoder without token types and with a bias on attention computes on a GPU what it does on the CPU") {
  (void)has_gpu();
  const c10::InferenceMode no_autograd;
  const ModelConfig config = test::tiny_config("mpnet");
  const bert::Weights weights = mpnet::bind(config, test::tiny_mpnet_tensors(config));
  const PackedBatch batch = batch_for_gpu({{0, 5, 6, 7, 8, 9, 2}, {0, 11, 1, 12, 2}, {0, 2}}, config);
  const Tensor expected = bert::encode(batch, weights, config);
  CHECK(on_gpu([&] { return bert::encode(batch, weights, config); }).sub(expected).abs().max().item<float>() < 1e-4F);
}

TEST_CASE("the layers of a GPU compute what those of the CPU do") {
  (void)has_gpu();
  const c10::InferenceMode no_autograd;
  const ModelConfig config = test::tiny_config();
  const bert::Weights weights = bert::bind(config, test::tiny_tensors(config));
  const PackedBatch batch =
      batch_for_gpu({{0, 5, 6, 7, 8, 9, 2}, {0, 11, 1, 12, 2}, {0, 13, 14, 15, 2}, {0, 2}}, config);

  Tensor hidden = on_gpu([&] { return embed_input(batch, weights.input, config.layer_norm_eps); });
  Tensor expected = embed_input(batch, weights.input, config.layer_norm_eps);
  CHECK(test::difference(hidden, test::in_double(expected)) < 1e-5);
  Tensor before;
  for (const auto& layer : weights.layers) {
    before = hidden;
    hidden = on_gpu([&] { return bert::layer({hidden}, batch, layer, config).plain; });
    expected = bert::layer({expected}, batch, layer, config).plain;
    CHECK(test::difference(hidden, test::in_double(expected)) < 1e-4);
  }
  const Tensor first = on_gpu([&] { return bert::first_token_layer({before}, batch, weights.layers.back(), config); });
  CHECK(test::difference(first, test::in_double(first_tokens(expected, batch))) < 1e-4);
}

TEST_CASE("a GPU adds the rows of token types") {
  (void)has_gpu();
  const c10::InferenceMode no_autograd;
  const ModelConfig config = test::tiny_config("bert");
  const bert::Weights weights = bert::bind(config, test::tiny_tensors(config));
  const std::vector<std::vector<std::int32_t>> texts = {{0, 5, 2, 7, 8, 2}, {0, 11, 2, 2}, {0, 2}};
  const PackedBatch batch = batch_for_gpu(texts, config, {3, 0, 1});
  const auto embed = [&](const PackedBatch& packed) { return embed_input(packed, weights.input, 1e-5); };
  const Tensor found = on_gpu([&] { return embed(batch); });
  CHECK(test::difference(found, test::in_double(embed(batch))) < 1e-5);
  CHECK(test::difference(found, test::in_double(embed(batch_for_gpu(texts, config)))) > 0.1);
}

// What a CUDA graph relies on: its numbers of the host are those of the longest text that may come.
TEST_CASE("the layers of a GPU take everything but the longest text from its memory") {
  (void)has_gpu();
  const c10::InferenceMode no_autograd;
  const ModelConfig config = test::tiny_config();
  const bert::Weights weights = bert::bind(config, test::tiny_tensors(config));
  const PackedBatch batch = batch_for_gpu({{0, 5, 6, 2}, {0, 11, 2}, {0, 2}, {0}}, config);
  PackedBatch recorded = batch;
  recorded.offsets = GraphShape{batch.tokens(), batch.texts()}.longest_offsets();
  const Tensor hidden = at::randn({batch.tokens(), config.hidden_size});
  const auto all = [&](const PackedBatch& packed) {
    return on_gpu([&] { return bert::layer({hidden}, packed, weights.layers.front(), config).plain; });
  };
  const auto of_first = [&](const PackedBatch& packed) {
    return on_gpu([&] { return bert::first_token_layer({hidden}, packed, weights.layers.back(), config); });
  };
  CHECK(test::difference(all(recorded), test::in_double(all(batch))) == 0);
  CHECK(test::difference(of_first(recorded), test::in_double(of_first(batch))) == 0);
}

TEST_CASE("weights in half precision serve hidden states in float32") {
  (void)has_gpu();
  const c10::InferenceMode no_autograd;
  const ModelConfig config = test::tiny_config();
  bert::LayerWeights half = bert::bind(config, test::tiny_tensors(config)).layers[0];
  bert::LayerWeights rounded = half;
  const auto convert = [](bert::LayerWeights& layer, at::ScalarType dtype) {
    for (auto* linear : bert::linear_layers(layer)) {
      *linear = {linear->plain()->weight().to(dtype), linear->plain()->bias().to(dtype)};
    }
  };
  convert(half, at::kHalf);
  convert(rounded, at::kHalf);
  convert(rounded, at::kFloat);
  const PackedBatch batch = batch_for_gpu({{0, 5, 6, 2}, {0, 2}}, config);
  const Tensor hidden = at::randn({batch.tokens(), config.hidden_size});
  const auto compute = [&](const bert::LayerWeights& layer) {
    return on_gpu([&] { return bert::layer({hidden}, batch, layer, config).plain; });
  };
  const Tensor found = compute(half);
  CHECK((found.scalar_type() == at::kFloat));
  CHECK(test::difference(found, test::in_double(compute(rounded))) == 0);
}

TEST_CASE("layers in float8 compute nearly what those in float32 do") {
  (void)has_gpu();
  at::manual_seed(1);  // one draw of weights in fifty is further off than the limit
  const c10::InferenceMode no_autograd;
  const ModelConfig config = test::tiny_config();
  const TensorMap tensors = test::tiny_tensors(config);
  const bert::Weights exact = bert::bind(config, tensors);
  const bert::Weights weights = bert::bind(config, tensors, {at::kCPU, at::kBFloat16, &format_of(Dtype::float8)});
  const PackedBatch batch = batch_for_gpu({{0, 5, 6, 7, 8, 9, 2}, {0, 11, 1, 12, 2}, {0, 2}}, config);
  Rows hidden{on_gpu([&] { return embed_input(batch, weights.input, config.layer_norm_eps, at::kBFloat16); })};
  Tensor expected = embed_input(batch, exact.input, config.layer_norm_eps);
  const auto smallest_cosine = [](const Tensor& found, const Tensor& reference) {
    return at::cosine_similarity(found.to(at::kFloat), reference).min().item<double>();
  };
  Rows before;
  for (std::size_t layer = 0; layer < weights.layers.size(); ++layer) {
    before = hidden;
    // What products read is rounded by whoever computes it, or, in the first layer, by the product.
    const auto compute = [&](const Rows& rows) {
      return on_gpu([&] { return bert::layer(rows, batch, weights.layers[layer], config, at::kFloat8_e4m3fn); });
    };
    const Tensor from_rows = compute({hidden.plain}).plain;
    hidden = compute(hidden);
    CHECK(hidden.plain.equal(from_rows));
    CHECK(hidden.rounded.has_value());
    expected = bert::layer({expected}, batch, exact.layers[layer], config).plain;
    CHECK((hidden.plain.scalar_type() == at::kBFloat16));
    CHECK(smallest_cosine(hidden.plain, expected) > 0.97);  // of random weights; real ones: bench/float8_quality.py
  }
  const Tensor first = on_gpu([&] { return bert::first_token_layer(before, batch, weights.layers.back(), config); });
  CHECK(smallest_cosine(first, first_tokens(expected, batch)) > 0.97);
}

#endif
