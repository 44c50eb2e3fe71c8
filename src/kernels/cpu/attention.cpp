#include "kernels/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ops/empty.h>

#include "bgem3/kernels/cpu_attention.h"
#include "bgem3/kernels/cpu_linear.h"
#include "kernels/cpu/processor.h"
#include "kernels/cpu/tasks.h"

namespace bgem3::detail {
namespace {

using cpu::AttentionKernel;
using cpu::AttentionTask;

#if defined(__x86_64__)
const AttentionKernel* choose_kernel(at::ScalarType dtype) {
  const auto set = cpu::instruction_set();
  if (dtype == at::kFloat && set == cpu::InstructionSet::avx512) return &cpu::attention_float32_avx512;
  if (dtype == at::kFloat && set == cpu::InstructionSet::avx2) return &cpu::attention_float32_avx2;
  if (dtype == at::kBFloat16 && cpu_has_bfloat16()) return &cpu::attention_bfloat16_avx512;
  return nullptr;
}
#else
const AttentionKernel* choose_kernel(at::ScalarType) { return nullptr; }
#endif

const char* row(const at::Tensor& rows, int64_t index, int64_t head) {
  return static_cast<const char*>(rows.const_data_ptr()) +
         (index * rows.stride(0) + head * rows.stride(1)) * static_cast<int64_t>(rows.itemsize());
}

// Of a query and key 0.
const float* bias_of(const at::Tensor& bias, int64_t head, int64_t query) {
  if (!bias.defined()) return nullptr;
  return bias.const_data_ptr<float>() + head * bias.stride(0) + bias.size(1) / 2 + query;
}

// Every head of every text, long texts in parts, the most work first.
std::vector<AttentionTask> make_tasks(const at::Tensor& query, std::span<const std::int32_t> query_offsets,
                                      const at::Tensor& key, const at::Tensor& value,
                                      std::span<const std::int32_t> key_offsets, const at::Tensor& bias,
                                      at::Tensor& context) {
  const int64_t heads = query.size(1);
  // Each part packs all keys, so it should have some queries; several parts for each thread even out the load.
  const int64_t part = std::max<int64_t>(192, query.size(0) * heads / (8 * at::get_num_threads()) / 48 * 48);
  std::vector<AttentionTask> tasks;
  for (std::size_t text = 0; text + 1 < key_offsets.size(); ++text) {
    for (int64_t head = 0; head < heads; ++head) {
      for (int64_t begin = query_offsets[text]; begin < query_offsets[text + 1]; begin += part) {
        tasks.push_back({.query = row(query, begin, head),
                         .key = row(key, key_offsets[text], head),
                         .value = row(value, key_offsets[text], head),
                         .context = const_cast<char*>(row(context, begin, head)),
                         .queries = std::min<int64_t>(part, query_offsets[text + 1] - begin),
                         .keys = key_offsets[text + 1] - key_offsets[text],
                         .head_size = query.size(2),
                         .query_stride = query.stride(0),
                         .key_stride = key.stride(0),
                         .context_stride = context.stride(0),
                         .scale = 1.0F / std::sqrt(static_cast<float>(query.size(2))),
                         .bias = bias_of(bias, head, begin - query_offsets[text])});
      }
    }
  }
  const auto work = [](const AttentionTask& task) { return task.queries * task.keys; };
  std::stable_sort(tasks.begin(), tasks.end(), [&](const auto& a, const auto& b) { return work(a) > work(b); });
  return tasks;
}

int64_t longest(std::span<const std::int32_t> offsets) {
  int64_t most = 0;
  for (std::size_t text = 0; text + 1 < offsets.size(); ++text) {
    most = std::max<int64_t>(most, offsets[text + 1] - offsets[text]);
  }
  return most;
}

void check_bias(const at::Tensor& bias, int64_t heads, std::span<const std::int32_t> query_offsets,
                std::span<const std::int32_t> key_offsets) {
  const int64_t positions = (bias.size(-1) + 1) / 2;
  TORCH_CHECK(bias.is_cpu() && bias.scalar_type() == at::kFloat && bias.dim() == 2 && bias.size(0) == heads &&
                  bias.size(1) % 2 == 1 && bias.stride(1) == 1,
              "attention: expected a relative bias [", heads, ", 2 L - 1] of float32, found ", bias.sizes());
  TORCH_CHECK(std::max(longest(query_offsets), longest(key_offsets)) <= positions,
              "attention: the relative bias is for texts of ", positions, " tokens at most");
}

}  // namespace

bool cpu_attention_takes(const at::Tensor& query) {
  return query.is_cpu() && choose_kernel(query.scalar_type()) != nullptr;
}

at::Tensor cpu_attention(const at::Tensor& query, std::span<const std::int32_t> query_offsets, const at::Tensor& key,
                         const at::Tensor& value, std::span<const std::int32_t> key_offsets, const at::Tensor& bias) {
  TORCH_CHECK(query.stride(2) == 1 && key.stride(2) == 1 && value.stride(2) == 1 && key.stride(0) == value.stride(0),
              "attention: heads should be contiguous, and keys and values laid out alike");
  TORCH_CHECK(key.sizes() == value.sizes() && key.sizes().slice(1) == query.sizes().slice(1) &&
                  key.scalar_type() == query.scalar_type() && value.scalar_type() == query.scalar_type(),
              "attention: query, key and value should have the same heads and dtype");
  TORCH_CHECK(query_offsets.size() == key_offsets.size() && query_offsets.back() <= query.size(0) &&
                  key_offsets.back() <= key.size(0),
              "attention: offsets point beyond the rows");
  if (bias.defined()) check_bias(bias, query.size(1), query_offsets, key_offsets);
  const AttentionKernel& kernel = *choose_kernel(query.scalar_type());
  at::Tensor context = at::empty(query.sizes(), query.options());
  const auto tasks = make_tasks(query, query_offsets, key, value, key_offsets, bias, context);
  int64_t keys_max = 0;
  for (const auto& task : tasks) keys_max = std::max(keys_max, task.keys);
  const int64_t scratch_bytes = kernel.scratch_bytes(keys_max, query.size(2));

  const auto count = static_cast<int64_t>(tasks.size());
  cpu::Tasks shared(count);
  cpu::on_threads(count, [&] {
    const at::Tensor scratch = at::empty({scratch_bytes}, at::kByte);
    shared.share([&](int64_t i) { kernel.run(tasks[static_cast<std::size_t>(i)], scratch.mutable_data_ptr()); });
  });
  return context;
}

}  // namespace bgem3::detail
