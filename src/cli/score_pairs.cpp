#include "cli/score_pairs.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/progress_bar.h"
#include "cli/score_lines.h"
#include "cli/terminal.h"
#include "cli/text_reader.h"

namespace bgem3::cli {
namespace {

class PairRun {
 public:
  PairRun(const Reranker& reranker, const RerankArguments& arguments, RerankOptions options)
      : reranker_(reranker),
        arguments_(arguments),
        options_(std::move(options)),
        reader_(arguments.input),
        bar_(!arguments.no_progress) {
    options_.on_progress = [this](const Progress& progress) {
      tokens_now_ = progress.tokens_done;
      bar_.update(pairs_ + progress.texts_done, tokens_ + tokens_now_, share_of_input());
      return true;
    };
  }

  void run() {
    bar_.start(0);
    for (TextChunk chunk = read(); !chunk.ids.empty(); chunk = read()) {
      print(chunk, score(chunk));
      pairs_ += chunk.texts.size();
      tokens_ += std::exchange(tokens_now_, 0);
    }
    bar_.finish();
    reader_.tell_bad_records();
  }

 private:
  // Not more at once, so that the first scores come soon.
  TextChunk read() {
    constexpr std::size_t pairs_max = 1024, bytes_max = 1 << 20;
    return reader_.read(pairs_max, bytes_max);
  }

  std::vector<float> score(const TextChunk& chunk) {
    std::vector<TextPair> pairs;
    pairs.reserve(chunk.texts.size());
    for (std::size_t i = 0; i < chunk.texts.size(); ++i) pairs.push_back({chunk.queries[i], chunk.texts[i]});
    auto scores = reranker_.score(pairs, options_);
    if (!arguments_.raw_scores) reranker_.activate(scores);
    return scores;
  }

  // Who reads the output may wait for it. What fails is told by the next that is printed.
  void print(const TextChunk& chunk, const std::vector<float>& scores) {
    if (arguments_.format == "text") {
      print_text(chunk, scores);
    } else if (arguments_.format == "json") {
      for (std::size_t i = 0; i < scores.size(); ++i) {
        fmt::print("{{\"id\":{},\"score\":{}}}\n", chunk.ids[i], scores[i]);
      }
    } else {
      for (std::size_t i = 0; i < scores.size(); ++i) fmt::print("{}\t{}\n", chunk.ids[i], scores[i]);
    }
    (void)std::fflush(stdout);
  }

  void print_text(const TextChunk& chunk, const std::vector<float>& scores) {
    if (pairs_ == 0) ScoreLines::print_head(arguments_, reranker_.info(), "pairs, query | passage");
    for (const std::string& id : chunk.ids) lines_.make_room(id);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const std::string& query = chunk.queries[i];
      const std::string shown = fit(query, std::min(display_width(query), lines_.text_columns() / 2));
      lines_.print(scores[i], chunk.ids[i], shown + " | " + chunk.texts[i]);
    }
  }

  // Negative where its end is not known.
  [[nodiscard]] double share_of_input() const {
    const auto total = static_cast<double>(reader_.bytes_total());
    return total > 0 ? static_cast<double>(reader_.bytes_done()) / total : -1;
  }

  const Reranker& reranker_;
  const RerankArguments& arguments_;
  RerankOptions options_;
  TextReader reader_;
  ProgressBar bar_;
  ScoreLines lines_;
  std::size_t pairs_ = 0;
  std::size_t tokens_ = 0;
  std::size_t tokens_now_ = 0;  // of the pairs in work
};

}  // namespace

void score_pairs(const Reranker& reranker, const RerankArguments& arguments, RerankOptions options) {
  PairRun(reranker, arguments, std::move(options)).run();
}

}  // namespace bgem3::cli
