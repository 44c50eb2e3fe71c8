#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

namespace bgem3::cuda {

// The kernels behind raw pointers, all on the device, rows contiguous. Each launch is asynchronous on its stream; a
// launch of zero rows does nothing. What fails is in cudaGetLastError().

/// Type of the elements of `const void*` below.
enum class Element { float32, float16, bfloat16 };

/// output = layer_norm(hidden + residual), statistics in float32.
struct AddLayerNorm {
  const void* hidden;    // [rows, size]
  const void* residual;  // [rows, size]
  const float* weight;   // [size]
  const float* bias;     // [size]
  void* output;          // [rows, size]
  std::int64_t rows;
  int size;
  float eps;
};
void launch(const AddLayerNorm& work, Element element, cudaStream_t stream);

/// output = layer_norm(word[id] + position[position id] + token_type[type]).
struct EmbedLayerNorm {
  const std::int64_t* ids;           // [rows], rows of `word`
  const std::int64_t* position_ids;  // [rows], rows of `position`
  const std::int64_t* type_ids;      // [rows], rows of `token_type`; null: all are 0
  const void* word;                  // [V, size]
  const void* position;              // [positions, size]
  const void* token_type;            // [types, size]
  const float* weight;               // [size]
  const float* bias;                 // [size]
  void* output;                      // [rows, size], float32 or of the type of the tables
  std::int64_t rows;
  int size;
  float eps;
};
void launch(const EmbedLayerNorm& work, Element element, bool float32_output, cudaStream_t stream);

/// output = the first `size` elements of each row, L2-normalised if asked.
struct TruncateNormalize {
  const void* hidden;  // [any, stride]
  std::int64_t stride;
  const std::int32_t* index;  // [rows], which rows of `hidden`; null: all in turn
  float* output;              // [rows, size]
  std::int32_t* non_finite;   // [1], becomes 1 when a row has NaN or infinity
  std::int64_t rows;
  int size;
  bool normalize;
};
void launch(const TruncateNormalize& work, Element element, cudaStream_t stream);

/// output = relu(hidden · weight + bias) of each token.
struct TokenWeights {
  const void* hidden;        // [rows, size]
  const float* weight;       // [size]
  const float* bias;         // [1]
  float* output;             // [rows]
  std::int32_t* non_finite;  // [1], as above
  std::int64_t rows;
  int size;
};
void launch(const TokenWeights& work, Element element, cudaStream_t stream);

/// Rows in e4m3, each with a scale to be multiplied with.
struct Float8Rows {
  void* values;  // [rows, size], 1 byte each
  float* scale;  // [rows]
};

/// AddLayerNorm, and its output in e4m3, too.
struct AddLayerNormQuantize : AddLayerNorm, Float8Rows {};
void launch(const AddLayerNormQuantize& work, Element element, cudaStream_t stream);

/// Each row of the input in e4m3.
struct QuantizeRows : Float8Rows {
  const void* input;  // [rows, size]
  std::int64_t rows;
  int size;
};
void launch(const QuantizeRows& work, Element element, cudaStream_t stream);

/// The erf GELU of the input, rounded to the input's type and then to e4m3.
struct GeluQuantizeRows : QuantizeRows {};
void launch(const GeluQuantizeRows& work, Element element, cudaStream_t stream);

/// Longest text of ShortAttention.
constexpr int short_attention_keys_max = 64;

/// Softmax attention inside each text, in float16 or bfloat16. All rows begin at multiples of 16 bytes.
struct TextAttention {
  const void* query;                  // row t at t * query_stride, [heads, head_size] contiguous
  const void* key;                    // the same with key_stride
  const void* value;                  // likewise
  const std::int32_t* query_offsets;  // [texts + 1]
  const std::int32_t* key_offsets;    // [texts + 1]
  void* output;                       // [queries, heads, head_size]
  std::int64_t query_stride;          // in elements
  std::int64_t key_stride;
  int texts;
  int heads;
  int head_size;
  int query_max;  // most queries of a text
  int key_max;    // most keys of a text
  float factor;   // of the scores, times log2(e)
};

/// For compute capability 8.0 and later, heads of 32 or 64, at most short_attention_keys_max queries and keys.
struct ShortAttention : TextAttention {};
void launch(const ShortAttention& work, Element element, cudaStream_t stream);

/// For compute capability 9.0, heads of 64.
struct LongAttention : TextAttention {};
void launch(const LongAttention& work, Element element, cudaStream_t stream);

}  // namespace bgem3::cuda
