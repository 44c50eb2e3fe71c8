#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bgem3/reranker.h"
#include "cli/commands.h"
#include "cli/progress_bar.h"
#include "cli/protected_files.h"
#include "cli/score_lines.h"
#include "cli/score_pairs.h"
#include "cli/terminal.h"
#include "cli/whole_input.h"

namespace bgem3::cli {
namespace {

// What is wrong with the options is told before the input is waited for.
Reranker load(const RerankArguments& arguments, const RerankOptions& rerank) {
  LoadOptions options = arguments.device.load_options();
  options.tokenizer.pipeline = parse_pipeline(arguments.pipeline);
  Reranker reranker = Reranker::load(arguments.model, options);
  reranker.validate(rerank);
  return reranker;
}

RerankOptions rerank_options(const RerankArguments& arguments) {
  RerankOptions options = arguments.rerank;
  if (arguments.truncation == "longest") options.truncation = PairTruncation::longest;
  return options;
}

// Those of the command line are numbered from 0.
TextChunk read_passages(const RerankArguments& arguments) {
  constexpr std::size_t passages_max = 1'000'000;
  if (arguments.passages.empty()) return read_whole_input(arguments.input, passages_max, "passages");
  TextChunk passages;
  passages.texts = arguments.passages;
  for (std::size_t i = 0; i < passages.texts.size(); ++i) passages.ids.push_back(std::to_string(i));
  return passages;
}

std::vector<RankedPassage> rank(const Reranker& reranker, const RerankArguments& arguments, RerankOptions options,
                                const TextChunk& passages) {
  ProgressBar bar(!arguments.no_progress);
  bar.start(0);
  options.on_progress = [&bar](const Progress& progress) {
    const auto total = static_cast<double>(progress.texts_total);
    bar.update(progress.texts_done, progress.tokens_done, static_cast<double>(progress.texts_done) / total);
    return true;
  };
  const std::vector<std::string_view> texts(passages.texts.begin(), passages.texts.end());
  auto ranked = reranker.rank(arguments.query, texts, arguments.top, options);
  bar.finish();
  return ranked;
}

// Logits as what the model calls scores.
void activate(const Reranker& reranker, std::vector<RankedPassage>& ranked) {
  std::vector<float> scores(ranked.size());
  std::ranges::transform(ranked, scores.begin(), &RankedPassage::score);
  reranker.activate(scores);
  for (std::size_t i = 0; i < ranked.size(); ++i) ranked[i].score = scores[i];
}

std::string as_json(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// An id is JSON as it was written, and a score has the digits of a float, both of which nlohmann::json would change.
void print_json(const std::string& query, const TextChunk& passages, const std::vector<RankedPassage>& ranked) {
  fmt::print("{{\"query\":{},\"results\":[", as_json(query));
  const char* separator = "";
  for (const auto& [index, score] : ranked) {
    fmt::print("{}{{\"id\":{},\"score\":{},\"text\":{}}}", separator, passages.ids[index], score,
               as_json(passages.texts[index]));
    separator = ",";
  }
  fmt::print("]}}\n");
}

void print_tsv(const TextChunk& passages, const std::vector<RankedPassage>& ranked) {
  for (const auto& [index, score] : ranked) fmt::print("{}\t{}\n", passages.ids[index], score);
}

void print_text(const RerankArguments& arguments, const ModelInfo& info, const TextChunk& passages,
                const std::vector<RankedPassage>& ranked) {
  const std::size_t columns = terminal_width(STDOUT_FILENO);
  const std::string query = fit(arguments.query, std::min(display_width(arguments.query), columns));
  ScoreLines::print_head(arguments, info, "passages for: " + query);
  ScoreLines lines;
  for (const auto& passage : ranked) lines.make_room(passages.ids[passage.index]);
  for (const auto& [index, score] : ranked) lines.print(score, passages.ids[index], passages.texts[index]);
}

void print(const RerankArguments& arguments, const ModelInfo& info, const TextChunk& passages,
           const std::vector<RankedPassage>& ranked) {
  if (arguments.format == "json") return print_json(arguments.query, passages, ranked);
  if (arguments.format == "tsv") return print_tsv(passages, ranked);
  print_text(arguments, info, passages, ranked);
}

void rank_passages(const Reranker& reranker, const RerankArguments& arguments, const RerankOptions& options) {
  const TextChunk passages = read_passages(arguments);
  auto ranked = rank(reranker, arguments, options, passages);
  if (!arguments.raw_scores) activate(reranker, ranked);
  print(arguments, reranker.info(), passages, ranked);
}

}  // namespace

int rerank(const RerankArguments& arguments) {
  ProtectedFiles files;
  if (arguments.passages.empty()) files.add_input(arguments.input.path);
  files.add_model(arguments.model);
  files.refuse_standard_output();
  const RerankOptions options = rerank_options(arguments);
  const Reranker reranker = load(arguments, options);
  if (arguments.input.pairs) {
    score_pairs(reranker, arguments, options);
  } else {
    rank_passages(reranker, arguments, options);
  }
  return 0;
}

}  // namespace bgem3::cli
