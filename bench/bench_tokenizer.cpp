// Our tokenizer and Hugging Face's on the same texts, in turns, so that both see the same weather. The ids are compared
// before anything is timed. times_hf says how many times as fast we are, on one thread each.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "bgem3/tokenizer.h"
#include "peer_process.h"
#include "process_memory.h"

namespace {

using bgem3::Tokenizer;
using bgem3::bench::PeerProcess;
using Json = nlohmann::json;
using Texts = std::vector<std::string>;

constexpr int rounds = 9;

const auto models = std::filesystem::path(BGEM3_TEST_MODELS_DIR);
const auto model = models / "xlm-r-tokenizer";
const auto bert = models / "minilm";
const auto roberta = models / "roberta-tokenizer";

// Golden texts whose class begins with `kind`.
Texts golden(std::string_view kind) {
  Texts texts;
  std::ifstream lines(std::filesystem::path(BGEM3_TEST_DATA_DIR) / "tokenizer_golden.jsonl");
  for (std::string line; std::getline(lines, line);) {
    const auto row = Json::parse(line);
    if (row.at("class").get<std::string>().starts_with(kind)) texts.push_back(row.at("text"));
  }
  if (texts.empty()) throw std::runtime_error("no golden texts of class " + std::string(kind));
  return texts;
}

// The words of English novels in random order: 2,000 texts of 10 to 200 words.
Texts english() {
  Texts words;
  for (const auto& line : golden("English novel lines")) {
    std::istringstream stream(line);
    for (std::string word; stream >> word;) words.push_back(word);
  }
  std::mt19937 random(1);
  Texts texts(2000);
  for (auto& text : texts) {
    for (auto count = 10 + random() % 191; count > 0; --count) text += words[random() % words.size()] + ' ';
    text.pop_back();
  }
  return texts;
}

// Lines of Japanese novels without their spaces, forty to a text.
Texts japanese_unbroken() {
  Texts lines = golden("Japanese novel lines");
  for (auto& line : lines) {
    for (const std::string_view space : {" ", "\u3000"}) {
      for (auto at = line.find(space); at != std::string::npos; at = line.find(space)) line.erase(at, space.size());
    }
  }
  std::mt19937 random(2);
  Texts texts(300);
  for (auto& text : texts) {
    for (int count = 0; count < 40; ++count) text += lines[random() % lines.size()];
  }
  return texts;
}

double seconds(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

const Tokenizer& ours(const std::filesystem::path& directory = model) {
  static std::map<std::filesystem::path, Tokenizer> loaded;
  auto found = loaded.find(directory);
  if (found == loaded.end()) found = loaded.emplace(directory, Tokenizer::load(directory)).first;
  return found->second;
}

PeerProcess& hugging_face(const std::filesystem::path& directory) {
  static std::map<std::filesystem::path, PeerProcess> peers;
  const std::vector<std::string> command{BGEM3_PYTHON, BGEM3_BENCH_DIR "/peers/hf_tokenizer.py", directory.string()};
  return peers.try_emplace(directory, command).first->second;
}

void compare(benchmark::State& state, const std::filesystem::path& directory, const Texts& texts) {
  const Tokenizer& tokenizer = ours(directory);
  PeerProcess& peer = hugging_face(directory);
  const auto reply = Json::parse(peer.ask(Json{{"texts", texts}}.dump()));
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto ids = tokenizer.encode(texts[i]);
    tokens += ids.size();
    if (ids != reply.at("ids").at(i).get<bgem3::TokenIds>()) return state.SkipWithError("ids differ");
  }
  state.SetLabel("Hugging Face: " + reply.at("method").get<std::string>());

  bgem3::bench::forget_peak();
  double our_seconds = 0;
  double their_seconds = 0;
  for (auto _ : state) {
    const double taken = seconds([&] {
      for (const auto& text : texts) benchmark::DoNotOptimize(tokenizer.encode(text));
    });
    their_seconds += Json::parse(peer.ask(R"({"run": true})")).at("seconds").get<double>();
    our_seconds += taken;
    state.SetIterationTime(taken);
  }
  const auto all_tokens = static_cast<double>(tokens) * static_cast<double>(state.iterations());
  state.counters["tokens/s"] = all_tokens / our_seconds;
  state.counters["peak_MB"] = bgem3::bench::peak_megabytes();
  state.counters["hf_tokens/s"] = all_tokens / their_seconds;
  state.counters["times_hf"] = their_seconds / our_seconds;
}

void batch(benchmark::State& state, const Texts& texts) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::size_t tokens = 0;
  for (auto _ : state) {
    for (const auto& ids : ours().encode_batch(views, 0, static_cast<unsigned>(state.range(0)))) tokens += ids.size();
  }
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate);
}

void load(benchmark::State& state, const std::filesystem::path& file) {
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::load(file));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const std::pair<const char*, Texts> workloads[] = {
      {"english", english()}, {"multilingual", golden("")}, {"japanese_unbroken", japanese_unbroken()}};
  const std::pair<const char*, std::filesystem::path> vocabularies[] = {
      {"encode/", model}, {"encode/bert_", bert}, {"encode/roberta_", roberta}};
  for (const auto& [prefix, directory] : vocabularies) {
    for (const auto& [name, texts] : workloads) {
      benchmark::RegisterBenchmark((std::string(prefix) + name).c_str(), compare, directory, texts)
          ->UseManualTime()
          ->Iterations(rounds)
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::RegisterBenchmark("encode_batch/english", batch, workloads[0].second)
      ->ArgName("threads")
      ->Arg(1)
      ->Arg(2)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("load/model", load, model / "sentencepiece.bpe.model")->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("load/bert", load, bert / "tokenizer.json")->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("load/roberta", load, roberta / "tokenizer.json")->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("load/json", load, model / "tokenizer.json")->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
