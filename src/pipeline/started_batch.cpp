#include "pipeline/started_batch.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "bgem3/tensors/packed_batch.h"
#include "pipeline/forward.h"
#include "pipeline/graph_replay.h"
#include "pipeline/unchanged_files.h"

namespace bgem3 {
namespace {

// What is kept of a batch that was padded, on the host.
BatchResults to_host(const BatchResults& results, std::int64_t texts, std::int64_t tokens, Transfer& transfer) {
  const auto first_rows = [&](const at::Tensor& part, std::int64_t rows) {
    return part.defined() ? transfer.to_host(part.narrow(0, 0, rows)) : at::Tensor();
  };
  return {.dense = first_rows(results.dense, texts),
          .relevance = first_rows(results.relevance, texts),
          .token_weights = first_rows(results.token_weights, tokens),
          .colbert = first_rows(results.colbert, tokens),
          .non_finite = first_rows(results.non_finite, 1)};
}

// A family of a program's own may have forgotten the hook.
void expect_all_layers(const ModelConfig& config, std::int64_t shown) {
  if (shown == config.layers + 1) return;
  throw Error(ErrorCode::internal,
              fmt::format("model_type '{}': expected hidden states of the input and of {} layers, found {}; "
                          "Encoder::forward has to call EncoderOptions::hook for each",
                          config.architecture, config.layers, shown));
}

}  // namespace

BatchStarter::Views BatchStarter::views_of(const Batch& batch) const {
  Views texts;
  for (const auto text : batch) texts.ids.emplace_back(texts_.ids[text]);
  if (texts_.second_begins.empty()) return texts;
  for (const auto text : batch) texts.second_begins.push_back(texts_.second_begins[text]);
  return texts;
}

StartedBatch BatchStarter::start(const WorkItem& item) {
  const Views texts = views_of(item.batch);
  StartedBatch started{item, offsets_of(texts.ids), Transfer(model_.execution.device), {}};
  const std::int64_t tokens = started.offsets.back();
  std::optional<BatchResults> results;
  if (item.attempt == Attempt::first && !caller_.wants_hidden_states()) {
    results = replay_graph(model_, graphs_, options_, texts.ids, texts.second_begins, tokens);
  }
  if (!results) {
    started.item.attempt = std::max(item.attempt, Attempt::without_graph);
    results = compute(item, texts);
  }
  started.results = to_host(*results, static_cast<std::int64_t>(item.batch.size()), tokens, started.transfer);
  started.transfer.end();
  return started;
}

BatchResults BatchStarter::compute(const WorkItem& item, const Views& texts) {
  const PackedBatch packed = pack_texts(texts.ids, model_.info.config, model_.execution.device, texts.second_begins);
  if (item.attempt == Attempt::float32) return forward(model_, packed, options_, EncoderOptions(at::kFloat));
  std::int64_t shown = 0;
  const auto after_layer = [&](std::int64_t layer, const at::Tensor& hidden) {
    ++shown;
    if (caller_.wants_hidden_states()) {
      expect_unchanged_files(model_, caller_);
      caller_.show_hidden_states(item.batch, packed.offsets, layer, hidden);
    }
    caller_.report_progress();
  };
  BatchResults results = forward(model_, packed, options_, EncoderOptions(model_.hidden_dtype, after_layer));
  if (caller_.wants_hidden_states()) expect_all_layers(model_.info.config, shown);
  return results;
}

}  // namespace bgem3
