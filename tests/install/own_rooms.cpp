// A format and a family of a program's own, as CONTRIBUTING.md says how to write them, outside the sources of bgem3.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <bgem3/bgem3.h>
#include <bgem3/blocks.h>
#include <c10/core/InferenceMode.h>

namespace {

namespace fs = std::filesystem;

// The format: weights with the other sign.

class NegatedWeight final : public bgem3::PackedWeight {
 public:
  NegatedWeight(const at::Tensor& weight, at::Tensor bias) : weight_(weight.neg()), bias_(std::move(bias)) {}

  bgem3::Rows apply(const bgem3::Rows& input, const bgem3::Epilogue& epilogue) const override {
    at::Tensor product = at::linear(input.plain.neg(), weight_, bias_);
    if (epilogue.activation == bgem3::Activation::gelu) product = at::gelu(product);
    return {epilogue.residual.defined() ? product.add(epilogue.residual) : product};
  }
  std::int64_t bytes() const override { return static_cast<std::int64_t>(weight_.nbytes() + bias_.nbytes()); }

 private:
  at::Tensor weight_, bias_;
};

class Negated final : public bgem3::Format {
 public:
  bgem3::Dtype dtype() const override { return bgem3::Dtype::automatic; }
  bool runs_on(at::DeviceType) const override { return true; }
  std::string lacks(const bgem3::ComputeDevice&) const override { return {}; }
  at::ScalarType hidden_dtype(const at::Device&) const override { return at::kFloat; }
  at::ScalarType source_dtype(const at::Device&) const override { return at::kFloat; }
  std::shared_ptr<const bgem3::PackedWeight> pack(const at::Tensor& weight, const at::Tensor& bias) const override {
    return std::make_shared<NegatedWeight>(weight, bias);
  }
};

bool format_computes(const fs::path& directory) {
  const c10::InferenceMode no_autograd;
  const auto config = bgem3::read_model_config(directory);
  const auto checkpoint = bgem3::Checkpoint::open_directory(directory);
  const auto plain = bgem3::bert::bind(config, checkpoint.tensors());
  auto packed = plain;
  for (auto& layer : packed.layers) {
    for (auto* linear : bgem3::bert::linear_layers(layer)) linear->pack(Negated());
  }
  const std::vector<std::int32_t> ids = {0, 7, 9, 2};
  const auto batch = bgem3::pack({{ids}}, config);
  const auto expected = bgem3::bert::encode(batch, plain, config), found = bgem3::bert::encode(batch, packed, config);
  return !packed.layers[0].attention.qkv.plain() && found.sub(expected).abs().max().item<float>() < 1e-4F;
}

// The family: hidden states are word embeddings.

constexpr std::int64_t words_in_vocabulary = 1000, size = 4;

void read(const bgem3::ConfigFile& file, bgem3::ModelConfig& config) {
  config.hidden_size = file.required_integer("width", 1);
  config.vocabulary_size = file.required_integer("vocab_size", 1);
  config.position_rows = file.integer("max_position_embeddings", 512, 1);
  file.expect("is_cased", true);
  file.ignore("trained_on");
  config.first_position = 0;
  config.has_padding_position = false;
  config.heads = 1;
  config.layers = 0;
}

class Words final : public bgem3::Encoder {
 public:
  explicit Words(at::Tensor words) : words_(std::move(words)) {}
  at::Tensor forward(const bgem3::PackedBatch& batch, const bgem3::EncoderOptions&) const override {
    return at::embedding(words_, batch.ids);
  }
  std::vector<std::vector<bgem3::Linear*>> linear_layers() override { return {}; }
  std::vector<at::Tensor> other_weights() const override { return {words_}; }

 private:
  at::Tensor words_;
};

std::unique_ptr<bgem3::Encoder> bind(const bgem3::ModelConfig& config, const bgem3::TensorMap& tensors,
                                     const bgem3::Placement& placement) {
  bgem3::WeightBinder binder(tensors, "", placement);
  auto words = binder.take("words", {config.vocabulary_size, config.hidden_size});
  binder.finish("the weights", [](std::string_view) { return false; });
  return std::make_unique<Words>(std::move(words));
}

// Row i of the table is i, i, i, i.
void write_weights(const fs::path& file) {
  std::vector<float> table;
  for (std::int64_t word = 0; word < words_in_vocabulary; ++word)
    table.insert(table.end(), size, static_cast<float>(word));
  const std::size_t bytes = table.size() * sizeof(float);
  std::string header = R"({"words":{"dtype":"F32","shape":[1000,4],"data_offsets":[0,)" + std::to_string(bytes) + "]}}";
  while (header.size() % 8 != 0) header += ' ';
  const std::uint64_t length = header.size();
  std::ofstream out(file, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << header;
  out.write(reinterpret_cast<const char*>(table.data()), static_cast<std::streamsize>(bytes));
}

fs::path make_directory(const fs::path& with_tokenizer) {
  fs::path directory = fs::temp_directory_path() /
                       ("bgem3_own_family_" + std::to_string(std::hash<std::string>()(fs::current_path().string())));
  fs::create_directories(directory);
  for (const auto& entry : fs::directory_iterator(with_tokenizer)) {
    const std::string name = entry.path().filename().string();
    if (name.find("token") == std::string::npos && name.find("sentencepiece") == std::string::npos) continue;
    fs::copy_file(entry.path(), directory / name, fs::copy_options::overwrite_existing);
  }
  std::ofstream(directory / "config.json")
      << R"({"model_type": "words", "width": 4, "vocab_size": 1000, "is_cased": true, "trained_on": ["a", "b"]})";
  write_weights(directory / "model.safetensors");
  return directory;
}

bool family_computes(const fs::path& with_tokenizer) {
  bgem3::add_family({"words", read, bind});
  try {
    bgem3::add_family({"words", read, bind});
    return false;
  } catch (const bgem3::Error& error) {
    if (error.code() != bgem3::ErrorCode::invalid_argument) return false;
  }
  const fs::path directory = make_directory(with_tokenizer);
  const auto embedder = bgem3::Embedder::load(directory);
  bgem3::EncodeOptions options;
  options.normalize = false;
  const auto ids = embedder.tokenize("Hello World");
  const auto found = embedder.encode({"Hello World"}, options);
  fs::remove_all(directory);
  float mean = 0;
  for (const auto id : ids) mean += static_cast<float>(id) / static_cast<float>(ids.size());
  return std::abs(found.dense.row(0)[3] - mean) < 1e-3F * mean && embedder.info().config.architecture == "words";
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  try {
    const bool format = format_computes(arguments[1]), family = family_computes(arguments[1]);
    std::printf("own format: %s, own family: %s\n", format ? "right" : "wrong", family ? "right" : "wrong");
    return format && family ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
