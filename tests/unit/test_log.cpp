#include "support/doctest_torch.h"

#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bgem3/bgem3.h"
#include "bgem3/reranker.h"
#include "model/loaded_model.h"
#include "pipeline/pipeline.h"
#include "support/expect_error.h"
#include "support/limited_memory.h"

using namespace bgem3;
using test::contains;
using test::expect_error;

namespace {

const std::string tiny = std::string(BGEM3_TEST_MODELS_DIR) + "/tiny";

// What was logged.
struct Lines {
  LogCallback callback() {
    return [this](LogLevel level, std::string_view message) {
      const std::lock_guard lock(mutex);
      lines.emplace_back(level, message);
    };
  }

  [[nodiscard]] int count(LogLevel level) const {
    int found = 0;
    for (const auto& line : lines) found += line.first == level ? 1 : 0;
    return found;
  }

  std::mutex mutex;
  std::vector<std::pair<LogLevel, std::string>> lines;
};

LoadOptions logging_to(Lines& lines) {
  LoadOptions options;
  options.on_log = lines.callback();
  return options;
}

}  // namespace

TEST_CASE("a model tells that it is loaded, and nothing of calls that go well") {
  Lines lines;
  const Embedder embedder = Embedder::load(tiny, logging_to(lines));
  (void)embedder.encode({"one", "two"});
  embedder.release_memory();
  (void)Reranker::load(tiny + "-reranker", logging_to(lines));
  REQUIRE(lines.lines.size() == 2);
  CHECK(lines.count(LogLevel::info) == 2);
  CHECK(contains(lines.lines[0].second, "'" + tiny + "' is loaded in "));
  CHECK(contains(lines.lines[0].second, "float32 on cpu"));
  CHECK(contains(lines.lines[1].second, "'" + tiny + "-reranker' is loaded in "));
}

TEST_CASE("a model that is not loaded tells so by its error alone") {
  Lines lines;
  expect_error(ErrorCode::bad_model, [&] { (void)Embedder::load("no/such/model", logging_to(lines)); });
  CHECK(lines.lines.empty());
}

TEST_CASE("batches that memory has no room for are told, with the limit from then on") {
  Lines lines;
  const Embedder embedder = Embedder::load(tiny, logging_to(lines));
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(std::string(150, 'x') + " word word word " + std::to_string(i));
  {
    const test::LimitedMemory memory(500'000);
    (void)embedder.encode(texts);
  }
  const int warnings = lines.count(LogLevel::warning);
  CHECK(warnings > 0);
  CHECK(warnings < 10);
  const std::string limit = std::to_string(embedder.statistics().batch_tokens_fit);
  CHECK(contains(lines.lines.back().second, "not enough memory on cpu for a batch of "));
  CHECK(contains(lines.lines.back().second, "have " + limit + " at most"));
  (void)embedder.encode(texts);
  CHECK(lines.count(LogLevel::warning) == warnings);
}

TEST_CASE("graphs that cannot be recorded are told once") {
  Lines lines;
  const LoadedModel loaded = load_directory(tiny, logging_to(lines), ModelKind::embedder);
  auto& use = loaded.models[0].state->streams.graph_use;
  use.record = [](const auto&, auto&) -> std::unique_ptr<cuda::Graph> { throw std::runtime_error("not today"); };
  const std::vector<std::string_view> texts = {"one", "two"};
  for (int call = 0; call < 3; ++call) (void)run_pipeline(loaded, texts, {});
  REQUIRE(lines.count(LogLevel::warning) == 1);
  CHECK(contains(lines.lines.back().second, "not today"));
}

TEST_CASE("what a log callback throws is swallowed") {
  LoadOptions options;
  int calls = 0;
  options.on_log = [&](LogLevel, std::string_view) {
    ++calls;
    throw std::runtime_error("the disk is full");
  };
  CHECK(Embedder::load(tiny, options).encode({"one"}).dense.rows() == 1);
  CHECK(calls == 1);
}
