#pragma once

#include <cstdint>

namespace bgem3::cpu {

/// One head of one text: some of its queries against all of its keys. Strides are between rows, in elements.
struct AttentionTask {
  const void* query;  // [queries, head size]
  const void* key;    // [keys, head size]
  const void* value;  // [keys, head size]
  void* context;      // [queries, head size]
  std::int64_t queries;
  std::int64_t keys;
  std::int64_t head_size;
  std::int64_t query_stride;
  std::int64_t key_stride;  // of key and value
  std::int64_t context_stride;
  float scale;  // of the scores
  // What is added to the scaled score of query q and key k: bias[q - k], of this part's queries and the text's keys.
  // Null: nothing.
  const float* bias = nullptr;
};

/// The attention of one element type, as compiled for one instruction set.
struct AttentionKernel {
  std::int64_t (*scratch_bytes)(std::int64_t keys, std::int64_t head_size);
  void (*run)(const AttentionTask& task, void* scratch);  // scratch: aligned to 64 bytes
};

extern const AttentionKernel attention_float32_avx2;
extern const AttentionKernel attention_float32_avx512;
extern const AttentionKernel attention_bfloat16_avx512;

}  // namespace bgem3::cpu
