#pragma once

// Softmax attention of one head of one text, compiled anew for each instruction set; see simd.h.
//
// Everything is kept with queries as the lanes of vectors: scores and probabilities [keys, queries], the result
// [head size, queries]. So maxima, sums and rescaling need no work across lanes, and both products are of one form: a
// few rows of broadcast numbers (of the keys, of the values) times vectors of queries. Only a block of queries is ever
// transposed. Keys go by in blocks with a running maximum and sum, after Dao et al., "FlashAttention" (2022).

#include "kernels/cpu/attention.h"
#include "kernels/cpu/simd.h"

namespace bgem3::cpu {
namespace {

constexpr int tile_rows = lanes == 16 ? 8 : 4;
constexpr int tile_vectors = 3;  // tile_rows × tile_vectors sums, one row of vectors and a broadcast fill the registers
constexpr int block_queries = tile_vectors * lanes;
constexpr int block_keys = 128;  // their scores stay in the first-level cache

constexpr std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// sums[r][v] += Σ over i < depth of rows[r · row_stride + i · depth_stride] · columns[i][v]. A word is what `Format`
// multiplies in one lane: a float, or two bfloat16.
template <typename Format, int vectors>
inline void multiply_tile(const typename Format::Word* rows, std::int64_t row_stride, std::int64_t depth_stride,
                          const typename Format::Word* columns, std::int64_t depth,
                          Vector (&sums)[tile_rows][vectors]) {
  for (std::int64_t i = 0; i < depth; ++i) {
    Vector column[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) column[v] = load(columns + (i * vectors + v) * lanes);
#pragma GCC unroll 8
    for (int r = 0; r < tile_rows; ++r) {
      const Vector row = Format::broadcast(rows[r * row_stride + i * depth_stride]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) Format::multiply_add(sums[r][v], row, column[v]);
    }
  }
}

/// One head of one text, or a part of its queries.
template <typename Format>
class Attention {
  using Word = typename Format::Word;
  using Element = typename Format::Element;
  static constexpr int per_word = Format::per_word;

 public:
  static std::int64_t scratch_bytes(std::int64_t keys, std::int64_t head_size) {
    const Sizes sizes(keys, head_size);
    return 4 * (sizes.keys * sizes.depth + sizes.keys / per_word * sizes.head + sizes.depth * block_queries +
                block_keys * block_queries + sizes.head * block_queries + sizes.keys + block_queries);
  }

  Attention(const AttentionTask& task, void* scratch)
      : task_(task),
        sizes_(task.keys, task.head_size),
        keys_(static_cast<Word*>(scratch)),
        values_(keys_ + sizes_.keys * sizes_.depth),
        queries_(values_ + sizes_.keys / per_word * sizes_.head),
        scores_(reinterpret_cast<float*>(queries_ + sizes_.depth * block_queries)),
        sums_(scores_ + block_keys * block_queries),
        biases_(sums_ + sizes_.head * block_queries) {}

  void run() {
    pack_keys();
    pack_values();
    std::int64_t query = 0;
    for (; query + block_queries <= task_.queries; query += block_queries) run_block<tile_vectors>(query);
    const std::int64_t left = task_.queries - query;
    if (left > 2 * lanes) {
      run_block<3>(query);
    } else if (left > lanes) {
      run_block<2>(query);
    } else if (left > 0) {
      run_block<1>(query);
    }
  }

 private:
  // With room for whole tiles and words.
  struct Sizes {
    Sizes(std::int64_t all_keys, std::int64_t head_size)
        : keys(round_up(all_keys, tile_rows)), head(round_up(head_size, lanes)), depth(head / per_word) {}
    std::int64_t keys;
    std::int64_t head;
    std::int64_t depth;  // of the first product, in words
  };

  [[nodiscard]] const Element* row(const void* rows, std::int64_t index, std::int64_t stride) const {
    return static_cast<const Element*>(rows) + index * stride;
  }

  // The row of a key or of its value; beyond the last, that one, whose scores do not count. Rows are pages apart, where
  // the processor does not look ahead by itself.
  [[nodiscard]] const Element* key_row(const void* rows, std::int64_t key) const {
    constexpr std::int64_t ahead = 16;
    const std::int64_t last = task_.keys - 1;
    const Element* later = row(rows, key + ahead < last ? key + ahead : last, task_.key_stride);
    for (std::int64_t d = 0; d < task_.head_size; d += 64 / static_cast<int>(sizeof(Element))) {
      __builtin_prefetch(later + d);
    }
    return row(rows, key < last ? key : last, task_.key_stride);
  }

  // [keys, depth], zeros beyond the head.
  void pack_keys() {
    const auto bytes = static_cast<std::size_t>(task_.head_size) * sizeof(Element);
    const auto all_bytes = static_cast<std::size_t>(sizes_.depth) * sizeof(Word);
    for (std::int64_t key = 0; key < sizes_.keys; ++key) {
      auto* to = reinterpret_cast<char*>(keys_ + key * sizes_.depth);
      __builtin_memcpy(to, key_row(task_.key, key), bytes);
      if (all_bytes > bytes) __builtin_memset(to + bytes, 0, all_bytes - bytes);
    }
  }

  // [keys / per_word, head], the values of per_word keys to a word, zeros beyond the head.
  void pack_values() {
    for (std::int64_t key = 0; key < sizes_.keys; key += per_word) {
      Word* to = values_ + key / per_word * sizes_.head;
      const Element* rows[per_word];
      for (int i = 0; i < per_word; ++i) rows[i] = key_row(task_.value, key + i);
      for (std::int64_t d = 0; d < task_.head_size; ++d) to[d] = Format::join(rows, d);
      for (std::int64_t d = task_.head_size; d < sizes_.head; ++d) to[d] = Word{};
    }
  }

  template <int vectors>
  void run_block(std::int64_t query) {
    Vector largest[vectors];
    Vector total[vectors];
    for (int v = 0; v < vectors; ++v) {
      largest[v] = spread(-3e38F);
      total[v] = Vector{};
    }
    transpose_queries<vectors>(query);
    if (task_.bias != nullptr) gather_biases(query, vectors * lanes);
    for (std::int64_t i = 0; i < sizes_.head * vectors; ++i) store(sums_ + i * lanes, Vector{});
    for (std::int64_t key = 0; key < sizes_.keys; key += block_keys) {
      const std::int64_t keys = sizes_.keys - key < block_keys ? sizes_.keys - key : block_keys;
      compute_scores<vectors>(key, keys);
      if (task_.bias != nullptr) add_biases<vectors>(key, keys);
      Vector shrink[vectors];
      apply_softmax<vectors>(keys, largest, total, shrink);
      add_values<vectors>(key, keys, shrink);
    }
    write_context<vectors>(query, total);
  }

  // [depth, queries]
  template <int vectors>
  void transpose_queries(std::int64_t query) {
    for (int v = 0; v < vectors; ++v) {
      for (std::int64_t depth = 0; depth < sizes_.depth; depth += lanes) {
        Vector square[lanes];
        for (int lane = 0; lane < lanes; ++lane) square[lane] = query_words(query + v * lanes + lane, depth);
        transpose(square);
        for (int i = 0; i < lanes && depth + i < sizes_.depth; ++i) {
          store(queries_ + ((depth + i) * vectors + v) * lanes, square[i]);
        }
      }
    }
  }

  // Words `depth` … of a query, zeros beyond its end.
  [[nodiscard]] Vector query_words(std::int64_t query, std::int64_t depth) const {
    if (query >= task_.queries) return Vector{};
    const Element* from = row(task_.query, query, task_.query_stride) + depth * per_word;
    const std::int64_t left = task_.head_size - depth * per_word;
    if (left >= lanes * per_word) return load(from);
    alignas(vector_bytes) Element some[lanes * per_word] = {};
    for (std::int64_t i = 0; i < left; ++i) some[i] = from[i];
    return load(some);
  }

  // [keys, queries]
  template <int vectors>
  void compute_scores(std::int64_t first, std::int64_t keys) {
    for (std::int64_t key = 0; key < keys; key += tile_rows) {
      Vector sums[tile_rows][vectors] = {};
      multiply_tile<Format, vectors>(keys_ + (first + key) * sizes_.depth, sizes_.depth, 1, queries_, sizes_.depth,
                                     sums);
      for (int r = 0; r < tile_rows; ++r) {
        for (int v = 0; v < vectors; ++v) {
          const bool there = first + key + r < task_.keys;
          store(scores_ + ((key + r) * vectors + v) * lanes, there ? sums[r][v] : spread(-3e38F));
        }
      }
    }
  }

  // Those of a block of queries and all keys, of query q and key k at last - k + q. Scores are scaled later.
  void gather_biases(std::int64_t query, std::int64_t queries) {
    const std::int64_t last = sizes_.keys - 1;
    for (std::int64_t i = 0; i < last + queries; ++i) {
      const std::int64_t distance = query + i - last;
      const bool there = -task_.keys < distance && distance < task_.queries;
      biases_[i] = there ? task_.bias[distance] / task_.scale : 0;
    }
  }

  template <int vectors>
  void add_biases(std::int64_t first, std::int64_t keys) {
    for (std::int64_t key = 0; key < keys; ++key) {
      const float* const biases = biases_ + sizes_.keys - 1 - first - key;
      for (int v = 0; v < vectors; ++v) {
        float* const scores = scores_ + (key * vectors + v) * lanes;
        store(scores, load(scores) + load(biases + v * lanes));
      }
    }
  }

  // Scores become probabilities against the maximum so far, as words of the second product; what was summed before has
  // to shrink. Each block has a sum of its own: adding 8192 numbers one by one would lose another digit.
  template <int vectors>
  void apply_softmax(std::int64_t keys, Vector (&largest)[vectors], Vector (&total)[vectors],
                     Vector (&shrink)[vectors]) {
    Vector before[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) before[v] = largest[v];
    for (std::int64_t key = 0; key < keys; ++key) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) largest[v] = larger(largest[v], load(scores_ + (key * vectors + v) * lanes));
    }
    const float scale = task_.scale * 1.44269504F;  // to powers of two
    Vector offset[vectors];
    Vector sum[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      shrink[v] = exp2_of_negative((before[v] - largest[v]) * scale);
      offset[v] = largest[v] * scale;
      sum[v] = Vector{};
    }
    for (std::int64_t key = 0; key < keys; key += per_word) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        Vector probabilities[per_word];
        for (int i = 0; i < per_word; ++i) {
          const Vector score = load(scores_ + ((key + i) * vectors + v) * lanes);
          probabilities[i] = exp2_of_negative(score * scale - offset[v]);
          sum[v] += probabilities[i];
        }
        store(scores_ + (key / per_word * vectors + v) * lanes, Format::to_words(probabilities));
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) total[v] = total[v] * shrink[v] + sum[v];
  }

  // sums [head, queries] = sums · shrink + valuesᵀ · probabilities
  template <int vectors>
  void add_values(std::int64_t first, std::int64_t keys, const Vector (&shrink)[vectors]) {
    const auto* probabilities = reinterpret_cast<const Word*>(scores_);
    const Word* values = values_ + first / per_word * sizes_.head;
    for (std::int64_t d = 0; d < sizes_.head; d += tile_rows) {
      Vector sums[tile_rows][vectors] = {};
      multiply_tile<Format, vectors>(values + d, 1, sizes_.head, probabilities, keys / per_word, sums);
      for (int r = 0; r < tile_rows; ++r) {
        for (int v = 0; v < vectors; ++v) {
          float* const before = sums_ + ((d + r) * vectors + v) * lanes;
          store(before, load(before) * shrink[v] + sums[r][v]);
        }
      }
    }
  }

  template <int vectors>
  void write_context(std::int64_t query, const Vector (&total)[vectors]) {
    for (int v = 0; v < vectors; ++v) {
      const Vector factor = 1.0F / total[v];
      for (std::int64_t d = 0; d < sizes_.head; d += lanes) {
        Vector square[lanes];
        for (int i = 0; i < lanes; ++i) square[i] = load(sums_ + ((d + i) * vectors + v) * lanes) * factor;
        transpose(square);
        for (int lane = 0; lane < lanes && query + v * lanes + lane < task_.queries; ++lane) {
          write_row(query + v * lanes + lane, d, square[lane]);
        }
      }
    }
  }

  void write_row(std::int64_t query, std::int64_t d, Vector values) const {
    Element* to = static_cast<Element*>(task_.context) + query * task_.context_stride + d;
    if (d + lanes <= task_.head_size) {
      Format::store_elements(to, values);
    } else {
      alignas(vector_bytes) Element some[lanes];
      Format::store_elements(some, values);
      for (std::int64_t i = 0; d + i < task_.head_size; ++i) to[i] = some[i];
    }
  }

  const AttentionTask& task_;
  Sizes sizes_;
  Word* keys_;
  Word* values_;
  Word* queries_;
  float* scores_;
  float* sums_;
  float* biases_;
};

struct Float32Products {
  using Word = float;
  using Element = float;
  static constexpr int per_word = 1;

  static Vector broadcast(float word) { return spread(word); }
  static void multiply_add(Vector& sum, Vector a, Vector b) { sum += a * b; }
  static float join(const float* const (&rows)[1], std::int64_t d) { return rows[0][d]; }
  static Vector to_words(const Vector (&values)[1]) { return values[0]; }
  static void store_elements(float* to, Vector values) { store(to, values); }
};

template <typename Format>
constexpr AttentionKernel kernel_for{
    [](std::int64_t keys, std::int64_t head_size) { return Attention<Format>::scratch_bytes(keys, head_size); },
    [](const AttentionTask& task, void* scratch) { Attention<Format>(task, scratch).run(); }};

}  // namespace
}  // namespace bgem3::cpu
