#include "cpu/linear.h"

#include "cpu/elements.h"

namespace bgem3::cpu {
namespace {

// rows × outputs sums, the weights of a tile's outputs and one vector of input fill the registers.
constexpr int tile_rows = 4;
constexpr int tile_outputs = static_cast<int>(linear_tile);
// At a time: the first-level cache keeps the weights of a tile for the tiles of the rows below.
constexpr std::int64_t part_inputs = 512;

struct Range {
  std::int64_t begin;
  std::int64_t end;
};

std::int64_t smaller_of(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

Vector add(Vector a, Vector b) { return a + b; }

class Product {
 public:
  explicit Product(const LinearTask& task) : task_(task) {}

  void run(Range outputs) const {
    for (std::int64_t begin = 0; begin < task_.inputs; begin += part_inputs) {
      const Range inputs{begin, smaller_of(begin + part_inputs, task_.inputs)};
      for (std::int64_t output = outputs.begin; output < outputs.end; output += tile_outputs) {
        switch (outputs.end - output) {
          case 1: run_rows<1>(output, inputs); break;
          case 2: run_rows<2>(output, inputs); break;
          default: run_rows<3>(output, inputs);
        }
      }
    }
  }

 private:
  template <int outputs>
  void run_rows(std::int64_t output, Range inputs) const {
    // Tiles of even heights, so that none is much lower than the registers allow.
    const std::int64_t tiles = (task_.rows + tile_rows - 1) / tile_rows;
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
      const std::int64_t row = task_.rows * tile / tiles;
      const Ahead ahead(*this, output + outputs, inputs, tile, tiles);
      switch (task_.rows * (tile + 1) / tiles - row) {
        case 1: multiply<1, outputs>(row, output, inputs, ahead); break;
        case 2: multiply<2, outputs>(row, output, inputs, ahead); break;
        case 3: multiply<3, outputs>(row, output, inputs, ahead); break;
        default: multiply<4, outputs>(row, output, inputs, ahead);
      }
    }
  }

  // The part of the next outputs' weights that a tile fetches into the second-level cache while it multiplies these:
  // memory is read all the time then, and not only under the first tile of some outputs.
  class Ahead {
   public:
    Ahead(const Product& product, std::int64_t output, Range inputs, std::int64_t tile, std::int64_t tiles)
        : stride_(product.task_.inputs),
          from_(product.task_.weight + (output < product.task_.outputs ? output : 0) * stride_ + inputs.begin),
          position_((inputs.end - inputs.begin) * tile * unit / tiles),
          step_(lanes * unit / tiles) {}

    void fetch(std::int64_t step) const {
      const float* at = from_ + (position_ + step * step_) / unit;
#pragma GCC unroll 3
      for (int output = 0; output < tile_outputs; ++output) __builtin_prefetch(at + output * stride_, 0, 2);
    }

   private:
    static constexpr std::int64_t unit = 1 << 16;  // positions are fractions of a number
    std::int64_t stride_;
    const float* from_;
    std::int64_t position_;
    std::int64_t step_;
  };

  template <int rows, int outputs>
  void multiply(std::int64_t row, std::int64_t output, Range inputs, const Ahead& ahead) const {
    const std::int64_t stride = task_.inputs, count = inputs.end - inputs.begin;
    const float* input = task_.input + row * stride + inputs.begin;
    const float* weight = task_.weight + output * stride + inputs.begin;
    Vector sums[rows][outputs] = {};
    const auto add_products = [&](const auto& load_from) {
      Vector weights[outputs];
#pragma GCC unroll 3
      for (int o = 0; o < outputs; ++o) weights[o] = load_from(weight + o * stride);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) {
        const Vector values = load_from(input + r * stride);
#pragma GCC unroll 3
        for (int o = 0; o < outputs; ++o) sums[r][o] += values * weights[o];
      }
    };
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      ahead.fetch(i / lanes);
      add_products([&](const float* from) { return load(from + i); });
    }
    if (i < count) add_products([&](const float* from) { return load_some<Float32>(from + i, count - i); });
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 3
      for (int o = 0; o < outputs; ++o)
        finish(row + r, output + o, inputs.begin == 0, across_lanes(sums[r][o], add)[0]);
    }
  }

  void finish(std::int64_t row, std::int64_t output, bool is_first, float sum) const {
    const std::int64_t at = row * task_.outputs + output;
    if (is_first) {
      sum += task_.bias[output];
      if (task_.residual != nullptr) sum += task_.residual[at];
    } else {
      sum += task_.output[at];
    }
    task_.output[at] = sum;
  }

  const LinearTask& task_;
};

}  // namespace

const LinearKernel linear_float32_avx2 = [](const LinearTask& task, std::int64_t begin, std::int64_t end) {
  Product(task).run({begin, end});
};

}  // namespace bgem3::cpu
