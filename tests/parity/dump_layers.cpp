// Writes what the library computes for texts, so that tests/parity can compare it with the references.
//
//     bgem3_dump_layers MODEL TEXTS.jsonl OUT [--ids] [--layers] [--scores] [--batch-size N] [--batch-tokens N]
//                       [--dtype NAME] [--pooling NAME]
//
// OUT gets, with the rows of all texts laid end to end in input order:
//   offsets.npy [B + 1]   rows of text k in the files of N rows are offsets[k] … offsets[k + 1]
//   layer_I.npy [N, D]    hidden states after layer I (--layers)
//   dense.npy [B, D]
//   sparse_offsets.npy [B + 1], sparse_ids.npy, sparse_weights.npy   (if the model has the head)
//   colbert.npy [N - B, C]                                           (if the model has the head)
//   scores.npy [B / 2, 5]  dense, sparse, colbert, sparse+dense, colbert+sparse+dense of texts 2k and 2k + 1 (--scores)

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "bgem3/bgem3.h"
#include "bgem3/eigen.h"
#include "parity/npy.h"

namespace {

using bgem3::as_eigen;
using bgem3::Matrix;
using bgem3::test::write_npy;
using Offsets = std::vector<std::int64_t>;

struct Arguments {
  std::filesystem::path model, texts, out;
  bool ids = false;
  bool layers = false;
  bool scores = false;
  std::string dtype, pooling;
  bgem3::EncodeOptions options;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Writes hidden states and embeddings of texts as .npy files");
  app.add_option("model", arguments.model)->required();
  app.add_option("texts", arguments.texts, "JSON lines, each a string, with --ids a list of token ids")->required();
  app.add_option("out", arguments.out)->required();
  app.add_flag("--ids", arguments.ids);
  app.add_flag("--layers", arguments.layers);
  app.add_flag("--scores", arguments.scores);
  app.add_option("--batch-size", arguments.options.batch_size);
  app.add_option("--batch-tokens", arguments.options.batch_tokens);
  app.add_option("--dtype", arguments.dtype);
  app.add_option("--pooling", arguments.pooling);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return arguments;
}

template <typename Text>
std::vector<Text> read_lines(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<Text> texts;
  for (std::string line; std::getline(in, line);) texts.push_back(nlohmann::json::parse(line).get<Text>());
  return texts;
}

bgem3::Embedder load(const Arguments& arguments) {
  bgem3::LoadOptions options;
  if (!arguments.dtype.empty()) options.dtype = bgem3::parse_dtype(arguments.dtype);
  if (!arguments.pooling.empty()) options.pooling = bgem3::pooling_of_name(arguments.pooling).value();
  return bgem3::Embedder::load(arguments.model, options);
}

std::vector<bgem3::TokenIds> read_ids(const bgem3::Embedder& embedder, const Arguments& arguments) {
  if (arguments.ids) return read_lines<bgem3::TokenIds>(arguments.texts);
  std::vector<bgem3::TokenIds> ids;
  for (const auto& text : read_lines<std::string>(arguments.texts)) ids.push_back(embedder.tokenize(text));
  return ids;
}

template <typename Sizes>
Offsets offsets_of(const Sizes& sizes) {
  Offsets offsets = {0};
  for (const auto size : sizes) offsets.push_back(offsets.back() + static_cast<std::int64_t>(size));
  return offsets;
}

void write_matrix(const std::filesystem::path& path, const Matrix& matrix) {
  write_npy<float>(path, {matrix.data(), matrix.size()},
                   {static_cast<std::int64_t>(matrix.rows()), static_cast<std::int64_t>(matrix.cols())});
}

void write_offsets(const std::filesystem::path& path, const Offsets& offsets) {
  write_npy<std::int64_t>(path, offsets, {static_cast<std::int64_t>(offsets.size())});
}

// Hidden states of every layer, put together from the batches; written when all are there.
class LayerFiles {
 public:
  explicit LayerFiles(Offsets offsets) : offsets_(std::move(offsets)) {}

  void add(const bgem3::HiddenStates& states) {
    const auto total = static_cast<std::size_t>(offsets_.back());
    Matrix& layer = layers_.try_emplace(states.layer, total, states.values.cols()).first->second;
    for (std::size_t k = 0; k < states.texts.size(); ++k) {
      const auto rows = states.offsets[k + 1] - states.offsets[k];
      as_eigen(layer).middleRows(offsets_[states.texts[k]], rows) =
          as_eigen(states.values).middleRows(states.offsets[k], rows);
    }
  }

  void write(const std::filesystem::path& out) const {
    for (const auto& [number, layer] : layers_) write_matrix(out / fmt::format("layer_{}.npy", number), layer);
  }

 private:
  Offsets offsets_;
  std::map<std::int64_t, Matrix> layers_;
};

void write_sparse(const std::filesystem::path& out, const std::vector<bgem3::LexicalWeights>& sparse) {
  std::vector<std::size_t> sizes;
  std::vector<std::int32_t> ids;
  std::vector<float> weights;
  for (const auto& text : sparse) {
    sizes.push_back(text.size());
    for (const auto& [id, weight] : text) {
      ids.push_back(id);
      weights.push_back(weight);
    }
  }
  const auto count = static_cast<std::int64_t>(ids.size());
  write_offsets(out / "sparse_offsets.npy", offsets_of(sizes));
  write_npy<std::int32_t>(out / "sparse_ids.npy", ids, {count});
  write_npy<float>(out / "sparse_weights.npy", weights, {count});
}

void write_colbert(const std::filesystem::path& out, const std::vector<Matrix>& colbert) {
  std::size_t rows = 0;
  for (const Matrix& text : colbert) rows += text.rows();
  Matrix all(rows, colbert.empty() ? 0 : colbert.front().cols());
  float* end = all.data();
  for (const Matrix& text : colbert) end = std::copy_n(text.data(), text.size(), end);
  write_matrix(out / "colbert.npy", all);
}

void write_scores(const std::filesystem::path& out, const bgem3::Embeddings& e) {
  Matrix scores(e.token_counts.size() / 2, 5);
  for (std::size_t k = 0; k < scores.rows(); ++k) {
    const auto s = bgem3::compute_scores(e, 2 * k, e, 2 * k + 1);
    as_eigen(scores.row(k)) << s.dense, s.sparse, s.colbert, s.sparse_dense, s.colbert_sparse_dense;
  }
  write_matrix(out / "scores.npy", scores);
}

void run(Arguments arguments) {
  const auto embedder = load(arguments);
  const auto ids = read_ids(embedder, arguments);
  const auto& out = arguments.out;
  std::vector<std::size_t> lengths;
  for (const auto& text : ids) lengths.push_back(text.size());

  LayerFiles layers(offsets_of(lengths));
  auto& options = arguments.options;
  options.sparse = embedder.info().has_sparse();
  options.colbert = embedder.info().has_colbert();
  if (arguments.layers) options.on_hidden_states = [&](const bgem3::HiddenStates& states) { layers.add(states); };
  const auto embeddings = arguments.ids ? embedder.encode_ids(ids, options)
                                        : embedder.encode(read_lines<std::string>(arguments.texts), options);

  std::filesystem::create_directories(out);
  layers.write(out);
  write_offsets(out / "offsets.npy", offsets_of(embeddings.token_counts));
  write_matrix(out / "dense.npy", embeddings.dense);
  if (options.sparse) write_sparse(out, embeddings.sparse);
  if (options.colbert) write_colbert(out, embeddings.colbert);
  if (arguments.scores) write_scores(out, embeddings);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bgem3_dump_layers: {}\n", error.what());
    return 1;
  }
}
