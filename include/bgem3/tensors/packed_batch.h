#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "bgem3/config.h"
#include "bgem3/error.h"

namespace bgem3 {

/// B texts laid end to end, without padding: text k is rows offsets[k] … offsets[k + 1] of every [N, …] tensor.
struct PackedBatch {
  at::Tensor ids;                     // [N] int64
  at::Tensor positions;               // [N] int64, rows of the position embedding
  at::Tensor types;                   // [N] int64, rows of the token type embedding; undefined: all are 0
  std::vector<std::int32_t> offsets;  // [B + 1], on the host
  at::Tensor device_offsets;          // the same as int32 on the GPU; undefined on the CPU

  [[nodiscard]] int64_t texts() const noexcept { return static_cast<int64_t>(offsets.size()) - 1; }
  [[nodiscard]] int64_t tokens() const noexcept { return offsets.back(); }
  [[nodiscard]] int64_t begin(int64_t text) const noexcept { return offsets[static_cast<size_t>(text)]; }
  [[nodiscard]] int64_t length(int64_t text) const noexcept {
    return offsets[static_cast<size_t>(text) + 1] - offsets[static_cast<size_t>(text)];
  }
  /// Tokens of the longest text.
  [[nodiscard]] int64_t longest() const noexcept {
    int64_t most = 0;
    for (int64_t text = 0; text < texts(); ++text) most = std::max(most, length(text));
    return most;
  }
};

/// Positions of one text as transformers counts them, from config.first_position on. Where `<pad>` has a position of
/// its own, padding_id, one that is written in the text gets that and is not counted.
inline void write_positions(std::span<const std::int32_t> ids, const ModelConfig& config, int64_t* positions) {
  int64_t next = config.first_position;
  for (const auto id : ids) {
    const bool padding = config.has_padding_position && id == config.padding_id;
    *positions++ = padding ? config.padding_id : next++;
  }
}

/// Types of the tokens of one text: 0, and 1 from `second_begin` on, unless that is 0.
inline void write_types(std::size_t tokens, std::size_t second_begin, std::int64_t* types) {
  const std::size_t zeros = second_begin == 0 ? tokens : std::min(second_begin, tokens);
  std::fill_n(std::fill_n(types, zeros, int64_t{0}), tokens - zeros, int64_t{1});
}

/// Where each of B texts begins when they are laid end to end, and where the last one ends: [B + 1].
inline std::vector<std::int32_t> offsets_of(std::span<const std::span<const std::int32_t>> texts) {
  std::vector<std::int32_t> offsets = {0};
  offsets.reserve(texts.size() + 1);
  for (const auto& ids : texts) offsets.push_back(offsets.back() + static_cast<std::int32_t>(ids.size()));
  return offsets;
}

namespace detail {

/// @throws Error invalid_argument for ids that are in no vocabulary, and for more of them than there are positions
inline void check_ids(std::span<const std::int32_t> ids, const ModelConfig& config) {
  const auto limit = static_cast<std::size_t>(config.positions());
  if (ids.size() > limit) {
    throw Error(ErrorCode::invalid_argument,
                "a text should have at most " + std::to_string(limit) + " tokens, found " + std::to_string(ids.size()));
  }
  for (const auto id : ids) {
    if (id >= 0 && id < config.vocabulary_size) continue;
    throw Error(ErrorCode::invalid_argument, "token ids should be 0 to " + std::to_string(config.vocabulary_size - 1) +
                                                 ", found " + std::to_string(id));
  }
}

/// pack_texts(), but still on the host; for a GPU in pinned memory, with the offsets as they go there.
inline PackedBatch stage(std::span<const std::span<const std::int32_t>> texts, const ModelConfig& config,
                         at::Device device, std::span<const std::size_t> second_begins = {}) {
  PackedBatch batch;
  batch.offsets = offsets_of(texts);
  const auto staged = [&](int64_t size, at::ScalarType dtype) {
    return at::empty({size}, at::TensorOptions(dtype).pinned_memory(device.is_cuda()));
  };
  batch.ids = staged(batch.tokens(), at::kLong);
  batch.positions = staged(batch.tokens(), at::kLong);
  auto* ids_out = batch.ids.mutable_data_ptr<int64_t>();
  auto* positions_out = batch.positions.mutable_data_ptr<int64_t>();
  for (const auto& ids : texts) {
    ids_out = std::copy(ids.begin(), ids.end(), ids_out);
    write_positions(ids, config, positions_out);
    positions_out += ids.size();
  }
  if (!second_begins.empty()) {
    batch.types = staged(batch.tokens(), at::kLong);
    auto* types_out = batch.types.mutable_data_ptr<int64_t>();
    for (std::size_t text = 0; text < texts.size(); ++text) {
      write_types(texts[text].size(), text < second_begins.size() ? second_begins[text] : 0, types_out);
      types_out += texts[text].size();
    }
  }
  if (device.is_cpu()) return batch;
  batch.device_offsets = staged(batch.texts() + 1, at::kInt);
  std::copy(batch.offsets.begin(), batch.offsets.end(), batch.device_offsets.mutable_data_ptr<std::int32_t>());
  return batch;
}

/// A staged batch where it is computed, sent on the current stream.
inline PackedBatch upload(PackedBatch batch, at::Device device) {
  for (auto* tensor : {&batch.ids, &batch.positions, &batch.types, &batch.device_offsets}) {
    if (tensor->defined()) *tensor = tensor->to(device, /*non_blocking=*/true);
  }
  return batch;
}

}  // namespace detail

/// Packs the token ids of B texts (each at most config.max_length long) for the encoder. To a GPU they are copied from
/// pinned memory, on the current stream, without waiting. `second_begins`: of models with two token types, where in
/// each text its tokens of type 1 begin, 0 for none; texts beyond it have none, and without it the batch has no types.
/// @throws Error invalid_argument for ids that are in no vocabulary, for more of them than there are positions, and for
///         second_begins where the model has one type
inline PackedBatch pack_texts(std::span<const std::span<const std::int32_t>> texts, const ModelConfig& config,
                              at::Device device = at::kCPU, std::span<const std::size_t> second_begins = {}) {
  for (const auto& ids : texts) detail::check_ids(ids, config);
  if (!second_begins.empty() && config.token_types < 2) {
    throw Error(ErrorCode::invalid_argument,
                "tokens of type 1 need a model with two token types, found " + std::to_string(config.token_types));
  }
  return detail::upload(detail::stage(texts, config, device, second_begins), device);
}

}  // namespace bgem3
