// What the C++ interface makes of model directories: one JSON object a line in, {"kind", "directory", "texts" or
// "pairs" or "ids" of pairs with their "second_begins"}, and one out, {"vectors"} or {"scores"}, of ids {"logits"}, or
// {"error"}.

#include <cstddef>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "bgem3/bgem3.h"
#include "bgem3/reranker.h"

namespace {

using Json = nlohmann::json;

Json embed(const Json& request) {
  const auto embedder = bgem3::Embedder::load(request.at("directory").get<std::string>());
  const auto found = embedder.encode(request.at("texts").get<std::vector<std::string>>());
  Json vectors = Json::array();
  for (const auto row : found.dense) vectors.push_back(std::vector<float>(row.begin(), row.end()));
  return {{"vectors", vectors}};
}

Json rerank(const Json& request) {
  const auto reranker = bgem3::Reranker::load(request.at("directory").get<std::string>());
  const auto texts = request.at("pairs").get<std::vector<std::vector<std::string>>>();
  std::vector<bgem3::TextPair> pairs;
  for (const auto& pair : texts) pairs.push_back({pair.at(0), pair.at(1)});
  bgem3::RerankOptions options;
  options.truncation = bgem3::PairTruncation::longest;
  std::vector<float> scores = reranker.score(pairs, options);
  reranker.activate(scores);
  return {{"scores", scores}};
}

Json score_ids(const Json& request) {
  const auto reranker = bgem3::Reranker::load(request.at("directory").get<std::string>());
  const auto begins = request.at("second_begins").get<std::vector<std::size_t>>();
  std::vector<bgem3::PairIds> pairs;
  for (const auto& ids : request.at("ids")) pairs.push_back({ids.get<bgem3::TokenIds>(), begins.at(pairs.size())});
  return {{"logits", reranker.score_ids(std::move(pairs))}};
}

Json answer(const std::string& line) {
  try {
    const Json request = Json::parse(line);
    if (request.contains("ids")) return score_ids(request);
    return request.at("kind") == "reranker" ? rerank(request) : embed(request);
  } catch (const bgem3::Error& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << answer(line).dump() << std::endl;
}
