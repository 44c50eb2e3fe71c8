// A format and a family of a program's own, as CONTRIBUTING.md says how to write them, outside the sources of bgem3.
#include <any>
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
#include <ATen/ops/tensor.h>
#include <bgem3/bgem3.h>
#include <bgem3/blocks.h>
#include <c10/core/InferenceMode.h>

namespace {

namespace fs = std::filesystem;

// The format: weights with the other sign.

class NegatedWeight final : public bgem3::LinearWeight {
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
  std::shared_ptr<const bgem3::LinearWeight> pack(const at::Tensor& weight, const at::Tensor& bias) const override {
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
  const auto batch = bgem3::pack_texts({{ids}}, config);
  const auto expected = bgem3::bert::encode(batch, plain, config), found = bgem3::bert::encode(batch, packed, config);
  return !packed.layers[0].attention.qkv.plain() && found.sub(expected).abs().max().item<float>() < 1e-4F;
}

// The family: hidden states are word embeddings, each component scaled by a number of config.json.

constexpr std::int64_t words_in_vocabulary = 1000, size = 4;

// What ModelConfig has no place for.
struct WordsConfig {
  std::vector<std::int64_t> scales;
};

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
  config.intermediate_size = 0;
  config.layer_norm_eps = 1e-12;
  const auto& mixing = file.object("mixing");
  mixing.expect("kind", "product");
  config.family_values = WordsConfig{mixing.integers("scales", 1).value_or(std::vector<std::int64_t>(size, 1))};
}

class Words final : public bgem3::Encoder {
 public:
  Words(at::Tensor words, at::Tensor scales) : words_(std::move(words)), scales_(std::move(scales)) {}
  at::Tensor forward(const bgem3::PackedBatch& batch, const bgem3::EncoderOptions&) const override {
    return at::embedding(words_, batch.ids).mul(scales_);
  }
  std::int64_t bytes_per_token(at::ScalarType) const override { return 2 * size * std::int64_t{sizeof(float)}; }
  std::vector<std::vector<bgem3::Linear*>> linear_layers() override { return {}; }
  std::vector<at::Tensor> other_weights() const override { return {words_}; }

 private:
  at::Tensor words_, scales_;
};

std::unique_ptr<bgem3::Encoder> bind(const bgem3::ModelConfig& config, const bgem3::TensorMap& tensors,
                                     const bgem3::Placement& placement) {
  bgem3::WeightBinder binder(tensors, "", placement);
  auto words = binder.take("words", {config.vocabulary_size, config.hidden_size});
  binder.finish("the weights", [](std::string_view) { return false; });
  const auto& scales = std::any_cast<const WordsConfig&>(config.family_values).scales;
  return std::make_unique<Words>(std::move(words), at::tensor(scales).to(words.scalar_type()));
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

// With `mixing` in config.json.
fs::path make_directory(const fs::path& with_tokenizer, const std::string& mixing) {
  fs::path directory = fs::temp_directory_path() /
                       ("bgem3_own_family_" + std::to_string(std::hash<std::string>()(fs::current_path().string())));
  fs::create_directories(directory);
  for (const auto& entry : fs::directory_iterator(with_tokenizer)) {
    const std::string name = entry.path().filename().string();
    if (name.find("token") == std::string::npos && name.find("sentencepiece") == std::string::npos) continue;
    fs::copy_file(entry.path(), directory / name, fs::copy_options::overwrite_existing);
  }
  std::ofstream(directory / "config.json")
      << R"({"model_type": "words", "width": 4, "vocab_size": 1000, "is_cased": true, "trained_on": ["a", "b"],)"
      << R"("mixing": )" << mixing << "}";
  write_weights(directory / "model.safetensors");
  return directory;
}

// Whether `work` is refused with a message that has `part`.
template <typename Work>
bool refuses(bgem3::ErrorCode code, const std::string& part, const Work& work) {
  try {
    work();
  } catch (const bgem3::Error& error) {
    return error.code() == code && std::string_view(error.what()).find(part) != std::string_view::npos;
  }
  return false;
}

bool family_computes(const fs::path& with_tokenizer) {
  bgem3::add_family({"words", read, bind});
  const fs::path directory = make_directory(with_tokenizer, R"({"kind": "product", "scales": [1, 1, 1, 3]})");
  const auto embedder = bgem3::Embedder::load(directory);
  bgem3::EncodeOptions options;
  options.normalize = false;
  const auto ids = embedder.tokenize("Hello World");
  const auto found = embedder.encode({"Hello World"}, options);
  float mean = 0;
  for (const auto id : ids) mean += static_cast<float>(id) / static_cast<float>(ids.size());
  const bool is_equal = std::abs(found.dense.row(0)[2] - mean) < 1e-3F * mean &&
                        std::abs(found.dense.row(0)[3] - 3 * mean) < 3e-3F * mean;
  // Words::forward shows none.
  options.on_hidden_states = [](const bgem3::HiddenStates&) {};
  return is_equal && embedder.info().config.architecture == "words" &&
         refuses(bgem3::ErrorCode::internal, "found 0", [&] { (void)embedder.encode({"Hello World"}, options); });
}

bool family_is_checked(const fs::path& with_tokenizer) {
  const auto read_with = [&](const std::string& mixing) {
    return [=] { (void)bgem3::read_model_config(make_directory(with_tokenizer, mixing)); };
  };
  const auto nothing = [](const bgem3::ConfigFile&, bgem3::ModelConfig&) {};
  using enum bgem3::ErrorCode;
  const bool all = refuses(invalid_argument, "'words'",
                           [] {
                             bgem3::add_family({"words", read, bind});
                           }) &&
                   refuses(bad_model, "key 'powers'", read_with(R"({"powers": [2]})")) &&
                   refuses(bad_model, "'kind'", read_with(R"({"kind": "sum"})")) &&
                   refuses(bad_model, "'scales' should be", read_with(R"({"scales": 2})")) &&
                   refuses(bad_model, "from 1 to", read_with(R"({"scales": [1, 0]})")) &&
                   refuses(bad_model, "JSON object", read_with("[]"));
  bgem3::add_family({"nothing", nothing, bind});
  const fs::path directory = make_directory(with_tokenizer, "{}");
  std::ofstream(directory / "config.json") << R"({"model_type": "nothing"})";
  const bool forgotten =
      refuses(bad_model, "hidden_size of at least 1, found -1", [&] { (void)bgem3::read_model_config(directory); });
  fs::remove_all(directory);
  return all && forgotten;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  try {
    const bool format = format_computes(arguments[1]), family = family_computes(arguments[1]);
    const bool checked = family_is_checked(arguments[1]);
    const auto word = [](bool is_right) { return is_right ? "right" : "wrong"; };
    std::printf("own format: %s, own family: %s, its checks: %s\n", word(format), word(family), word(checked));
    return format && family && checked ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
