#include "pipeline/graph_replay.h"

#include "model/graph_shape.h"
#include "pipeline/forward.h"

namespace bgem3 {

std::optional<BatchResults> replay_graph(const Model& model, BatchGraphs& graphs, const ForwardOptions& options,
                                         std::vector<std::span<const std::int32_t>> texts,
                                         std::span<const std::size_t> second_begins, std::int64_t tokens) {
  if (!graphs.are_used()) return std::nullopt;
  const auto shape = find_graph_shape(tokens, static_cast<std::int64_t>(texts.size()));
  if (!shape) return std::nullopt;
  pad_to(*shape, texts);
  const at::Device device = model.execution.device;
  // Owns all that it uses beside the model, because it may outlive this call.
  const auto work = [&model, options](const PackedBatch& batch) {
    return forward(model, batch, options, EncoderOptions(model.hidden_dtype));
  };
  return graphs.run({*shape, options}, detail::stage(texts, model.info.config, device, second_begins), device, work);
}

}  // namespace bgem3
