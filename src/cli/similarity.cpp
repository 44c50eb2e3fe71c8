#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bgem3/bgem3.h"
#include "bgem3/similarity.h"
#include "cli/commands.h"
#include "cli/protected_files.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/whole_input.h"

namespace bgem3::cli {
namespace {

// The matrix has the square of this many entries.
constexpr std::size_t texts_max = 2000;

std::vector<std::string> read_texts(const SimilarityArguments& arguments) {
  if (!arguments.texts.empty()) return arguments.texts;
  return read_whole_input(arguments.input, texts_max, "texts to compare").texts;
}

float score(const Embeddings& e, std::size_t i, std::size_t j, const std::string& kind, Similarity similarity) {
  if (kind == "dense") return similarity_score(similarity, e.dense.row(i), e.dense.row(j));
  if (kind == "sparse") return sparse_score(e.sparse[i], e.sparse[j]);
  if (kind == "colbert") return colbert_score(e.colbert[i], e.colbert[j]);
  if (kind == "sparse+dense") {
    return combine_scores(dense_score(e.dense.row(i), e.dense.row(j)), sparse_score(e.sparse[i], e.sparse[j]), 0)
        .sparse_dense;
  }
  return compute_scores(e, i, e, j).colbert_sparse_dense;
}

Matrix compare(const Embedder& embedder, const std::vector<std::string>& texts, const SimilarityArguments& arguments) {
  const std::string& kind = arguments.kind;
  const Similarity similarity = embedder.info().config.similarity;
  EncodeOptions options;
  options.prompt = arguments.prompt;
  options.prompt_name = arguments.prompt_name;
  options.dense = kind.find("dense") != std::string::npos;
  options.sparse = kind.find("sparse") != std::string::npos;
  options.colbert = kind.find("colbert") != std::string::npos;
  const Embeddings embeddings = embedder.encode(texts, options);
  Matrix values(texts.size(), texts.size());
  for (std::size_t i = 0; i < values.rows(); ++i) {
    for (std::size_t j = 0; j < values.cols(); ++j) values(i, j) = score(embeddings, i, j, kind, similarity);
  }
  return values;
}

bool use_color(const std::string& choice) {
  if (choice != "auto") return choice == "always";
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

void print_json(const std::vector<std::string>& texts, const Matrix& values) {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto row : values) rows.push_back(std::vector<float>(row.begin(), row.end()));
  const nlohmann::json document = {{"texts", texts}, {"similarity", rows}};
  fmt::print("{}\n", document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_tsv(const Matrix& values) {
  for (std::size_t i = 0; i < values.rows(); ++i) {
    for (std::size_t j = 0; j < values.cols(); ++j) fmt::print("{}{}", j == 0 ? "" : "\t", values(i, j));
    fmt::print("\n");
  }
}

}  // namespace

int similarity(const SimilarityArguments& arguments) {
  ProtectedFiles files;
  if (arguments.texts.empty()) files.add_input(arguments.input.path);
  files.add_model(arguments.model);
  files.refuse_standard_output();
  const auto texts = read_texts(arguments);
  LoadOptions options = arguments.device.load_options();
  options.tokenizer.pipeline = parse_pipeline(arguments.pipeline);
  const Embedder embedder = Embedder::load(arguments.model, options);
  const Matrix values = compare(embedder, texts, arguments);
  if (arguments.format == "json") {
    print_json(texts, values);
  } else if (arguments.format == "tsv") {
    print_tsv(values);
  } else {
    const ModelInfo& info = embedder.info();
    fmt::print("{} similarity by {} ({}, {} layers, {} dimensions)\n\n", arguments.kind, info.directory.string(),
               info.config.architecture, info.config.layers, embedder.dimension());
    fmt::print("{}", similarity_table(texts, values, terminal_width(STDOUT_FILENO), use_color(arguments.color)));
  }
  return 0;
}

}  // namespace bgem3::cli
