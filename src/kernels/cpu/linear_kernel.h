#pragma once

// Linear layers in float32, compiled anew for each instruction set; see simd.h.

#include "kernels/cpu/elements.h"
#include "kernels/cpu/linear.h"

namespace bgem3::cpu {
namespace {

constexpr int panel_vectors = 2;
constexpr int panel_outputs = panel_vectors * lanes;
// tile_rows × panel_vectors sums, a row of weights and a broadcast fill the registers.
constexpr int tile_rows = lanes == 16 ? 12 : 6;
static_assert(linear_scratch >= linear_block * linear_part + lanes);

std::int64_t smaller_of(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// x · Φ(x), Φ the normal distribution; erf by formula 7.1.26 of Abramowitz and Stegun, absolute error 1.5e-7.
Vector gelu(Vector x) {
  const Vector z = larger(x, -x) * 0.70710678F;
  const Vector t = 1.0F / (z * 0.3275911F + 1.0F);
  Vector tail = spread(1.061405429F);
  tail = tail * t - 1.453152027F;
  tail = tail * t + 1.421413741F;
  tail = tail * t - 0.284496736F;
  tail = tail * t + 0.254829592F;
  tail *= t * 0.5F * exp2_of_negative(z * z * -1.44269504F);
  return x * (x > Vector{} ? 1.0F - tail : tail);
}

struct Range {
  std::int64_t begin;
  std::int64_t end;
  [[nodiscard]] std::int64_t size() const { return end - begin; }
};

// The next panel's weights, of which each tile fetches a part into the second-level cache while it multiplies: memory
// is read all the time then, and not only under the first tile of a panel.
struct Ahead {
  const float* from;
  std::int64_t step;  // for each input
};

using Sums = float[tile_rows][panel_outputs];

// sums [height, panel] = values [inputs, height]ᵀ · weights [inputs, panel]. A function of its own, or the compiler
// keeps sums in memory.
template <int height>
[[gnu::noinline]] void multiply_tile(const float* values, const float* weights, std::int64_t inputs, Ahead ahead,
                                     Sums& result) {
  Vector sums[height][panel_vectors] = {};
  for (std::int64_t i = 0; i < inputs; ++i) {
    __builtin_prefetch(ahead.from + i * ahead.step, 0, 2);
    Vector column[panel_vectors];
#pragma GCC unroll 2
    for (int v = 0; v < panel_vectors; ++v) column[v] = load(weights + i * panel_outputs + v * lanes);
#pragma GCC unroll 12
    for (int r = 0; r < height; ++r) {
      const Vector value = spread(values[i * height + r]);
#pragma GCC unroll 2
      for (int v = 0; v < panel_vectors; ++v) sums[r][v] += value * column[v];
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < height; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < panel_vectors; ++v) store(result[r] + v * lanes, sums[r][v]);
  }
}

class Product {
 public:
  Product(const LinearTask& task, Range rows, Range panels, float* scratch)
      : task_(task),
        rows_(rows),
        panels_(panels),
        tiles_((rows.size() + tile_rows - 1) / tile_rows),
        packed_(scratch) {}

  void run() const {
    for (std::int64_t begin = 0; begin < task_.inputs; begin += linear_part) {
      const Range inputs{begin, smaller_of(begin + linear_part, task_.inputs)};
      for (std::int64_t tile = 0; tile < tiles_; ++tile) pack(tile, inputs);
      for (std::int64_t panel = panels_.begin; panel < panels_.end; ++panel) {
        for (std::int64_t tile = 0; tile < tiles_; ++tile) run_tile(tile, panel, inputs);
      }
    }
  }

 private:
  // Tiles of even heights, so that none is much lower than the registers allow.
  [[nodiscard]] Range tile_range(std::int64_t tile) const {
    return {rows_.begin + rows_.size() * tile / tiles_, rows_.begin + rows_.size() * (tile + 1) / tiles_};
  }

  [[nodiscard]] float* packed(Range tile, Range inputs) const {
    return packed_ + (tile.begin - rows_.begin) * inputs.size();
  }

  [[nodiscard]] const float* weight(std::int64_t panel, std::int64_t input) const {
    return task_.weight + (panel * task_.inputs + input) * panel_outputs;
  }

  // A tile's rows [height, inputs] as [inputs, height]. A store goes beyond its numbers; the next one is there.
  void pack(std::int64_t tile, Range inputs) const {
    const Range rows = tile_range(tile);
    float* to = packed(rows, inputs);
    for (std::int64_t i = inputs.begin; i < inputs.end; i += lanes) {
      Vector square[lanes] = {};
      for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        square[row - rows.begin] = load_some<Float32Elements>(task_.input + row * task_.inputs + i, inputs.end - i);
      }
      transpose(square);
      for (int lane = 0; lane < lanes && i + lane < inputs.end; ++lane, to += rows.size()) store(to, square[lane]);
    }
  }

  void run_tile(std::int64_t tile, std::int64_t panel, Range inputs) const {
    const Range rows = tile_range(tile);
    fetch(rows, panel);
    alignas(vector_bytes) Sums sums;
    multiply(rows.size(), packed(rows, inputs), weight(panel, inputs.begin), inputs.size(), ahead(tile, panel, inputs),
             sums);
    finish(rows, panel * panel_outputs, inputs, sums);
  }

  // What finish() writes comes while the tile is multiplied: rows lie pages apart.
  void fetch(Range rows, std::int64_t panel) const {
    const float* const outputs = task_.output + panel * panel_outputs;
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
#pragma GCC unroll 2
      for (int v = 0; v < panel_vectors; ++v) __builtin_prefetch(outputs + row * task_.outputs + v * lanes, 1);
    }
  }

  [[nodiscard]] Ahead ahead(std::int64_t tile, std::int64_t panel, Range inputs) const {
    const std::int64_t step = (panel_outputs + tiles_ - 1) / tiles_;
    return {weight(panel + 1, inputs.begin) + tile * inputs.size() * step, step};
  }

  template <int height = tile_rows>
  static void multiply(std::int64_t rows, const float* values, const float* weights, std::int64_t inputs, Ahead ahead,
                       Sums& sums) {
    if constexpr (height > 1) {
      if (rows < height) return multiply<height - 1>(rows, values, weights, inputs, ahead, sums);
    }
    multiply_tile<height>(values, weights, inputs, ahead, sums);
  }

  // Outputs `output` … of a tile: the sums of earlier inputs are there already.
  void finish(Range rows, std::int64_t output, Range inputs, const Sums& all_sums) const {
    const LinearTask task = task_;  // what is stored could be a member of task_, for all that the compiler knows
    const bool is_first = inputs.begin == 0, is_last = inputs.end == task.inputs;
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
#pragma GCC unroll 2
      for (int v = 0; v < panel_vectors; ++v) {
        const std::int64_t first = output + v * lanes, at = row * task.outputs + first, left = task.outputs - first;
        if (left <= 0) break;
        Vector sums = load(all_sums[row - rows.begin] + v * lanes);
        if (!is_first) sums += load_some<Float32Elements>(task.output + at, left);
        if (is_last) {
          sums += load(task.bias + first);
          if (task.gelu) sums = gelu(sums);
          if (task.residual != nullptr) sums += load_some<Float32Elements>(task.residual + at, left);
        }
        store_some<Float32Elements>(task.output + at, sums, left);
      }
    }
  }

  const LinearTask& task_;
  Range rows_;
  Range panels_;
  std::int64_t tiles_;
  float* packed_;
};

constexpr LinearKernel linear_kernel{
    panel_outputs, [](const LinearTask& task, std::int64_t row_begin, std::int64_t row_end, std::int64_t panel_begin,
                      std::int64_t panel_end, float* scratch) {
      Product(task, {row_begin, row_end}, {panel_begin, panel_end}, scratch).run();
    }};

}  // namespace
}  // namespace bgem3::cpu
