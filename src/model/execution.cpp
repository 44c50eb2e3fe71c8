#include "model/execution.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/device_names.h"
#include "base/processors.h"
#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "bgem3/formats/formats.h"
#include "model/cuda_device.h"
#include "model/thread_count.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorCode::invalid_argument, what); }

// "float32, bfloat16 or int8", those that are available on this device.
std::string names_of_formats(const ComputeDevice& device) {
  std::vector<std::string_view> names;
  for (const auto* format : all_formats()) {
    if (format->available(device)) names.push_back(to_string(format->dtype()));
  }
  const std::string_view last = names.back();
  names.pop_back();
  return names.empty() ? std::string(last) : fmt::format("{} or {}", fmt::join(names, ", "), last);
}

// What `asked` stands for, where it is for devices of this kind.
const Format& find_format(Dtype asked, const ComputeDevice& device, Dtype by_default) {
  const Format& format = format_of(asked == Dtype::automatic ? by_default : asked);
  if (format.runs_on(device.device.type())) return format;
  const bool on_cpu = device.device.type() == at::kCPU;
  refuse(fmt::format("dtype {} is for {}; on {} use {}", to_string(asked), on_cpu ? "CUDA" : "the CPU",
                     on_cpu ? "the CPU" : "CUDA", names_of_formats(device)));
}

Dtype choose_dtype_on_cpu(Dtype asked) {
  const Format& format = find_format(asked, {}, Dtype::float32);
  const std::string lacking = format.lacks({});
  if (!lacking.empty()) {
    refuse(
        fmt::format("dtype {} needs {}, which this processor does not have; use float32", to_string(asked), lacking));
  }
  return format.dtype();
}

unsigned check_threads(unsigned threads) {
  constexpr unsigned most = 1024;  // OpenMP ends the process when the system gives no more
  if (threads > most) refuse(fmt::format("threads should be at most {}, found {}", most, threads));
  return threads == 0 ? std::min(default_threads(), most) : threads;
}

// What LibTorch can be told without changing other threads of the process, too.
unsigned choose_threads_on_cpu(unsigned asked) {
  const unsigned threads = check_threads(asked);
  const ThreadCount count(threads);
  const unsigned found = ThreadCount::of_libtorch();
  if (asked != 0 && found != threads) {
    refuse(
        fmt::format("threads should be 0 or {} here, found {}: bgem3 and LibTorch do not share an OpenMP runtime, "
                    "so that only OMP_NUM_THREADS tells LibTorch",
                    found, asked));
  }
  return found;
}

Execution choose_on_cuda(const std::string& name, const LoadOptions& options) {
  const at::Device device = find_cuda_device(name);
  const Dtype dtype = choose_dtype_on_cuda(options.dtype, cuda_devices()[static_cast<std::size_t>(device.index())]);
  return {device, dtype, check_threads(options.threads), 0};
}

Execution choose_on_cpu(const LoadOptions& options) {
  const Dtype dtype = choose_dtype_on_cpu(options.dtype);
  if (!options.prepack && dtype != Dtype::float32) {
    refuse(fmt::format("prepack = false uses the weights as they are in the file, which dtype {} does not",
                       to_string(dtype)));
  }
  constexpr unsigned calls = 2;  // while one has work for one thread only, the other computes
  return {at::kCPU, dtype, choose_threads_on_cpu(options.threads),
          options.parallel_calls == 0 ? calls : options.parallel_calls};
}

Execution choose_execution(const std::string& device, const LoadOptions& options) {
  if (names_cuda(device)) return choose_on_cuda(device, options);
  if (device == "cpu") return choose_on_cpu(options);
  refuse(fmt::format("device {} is not known; expected 'cpu', 'cuda' or 'cuda:N', or several with commas between",
                     in_quotes(device)));
}

}  // namespace

Dtype choose_dtype_on_cuda(Dtype asked, const CudaDevice& device) {
  constexpr int oldest = 75;  // that there is code for
  if (device.compute_capability < oldest) {
    refuse(fmt::format("{} has compute capability {}.{}; expected 7.5 (Turing) or later, or use device 'cpu'",
                       device.name, device.compute_capability / 10, device.compute_capability % 10));
  }
  const ComputeDevice computing{at::kCUDA, device.compute_capability};
  const Format& format = find_format(asked, computing, Dtype::float16);
  const std::string lacking = format.lacks(computing);
  if (!lacking.empty()) {
    refuse(fmt::format("dtype {} needs a GPU of compute capability {}, {} has {}.{}; use float16", to_string(asked),
                       lacking, device.name, device.compute_capability / 10, device.compute_capability % 10));
  }
  return format.dtype();
}

std::vector<Execution> choose_executions(const LoadOptions& options) {
  constexpr std::size_t most = 64;  // beyond the GPUs of any machine
  const auto names = split_device_names(options.device);
  if (names.size() > most) refuse(fmt::format("at most {} devices can be named, found {}", most, names.size()));
  const auto is_cpu = [](const std::string& name) { return name == "cpu"; };
  if (std::ranges::any_of(names, is_cpu) && std::ranges::any_of(names, names_cuda)) {
    refuse(fmt::format("device {}: a model is on the CPU or on GPUs, not on both", in_quotes(options.device)));
  }
  std::vector<Execution> executions;
  executions.reserve(names.size());
  for (const auto& name : names) executions.push_back(choose_execution(name, options));
  return executions;
}

bool processor_has(Dtype dtype) noexcept { return dtype == Dtype::automatic || format_of(dtype).available({}); }

bool is_for_cuda(Dtype dtype) noexcept { return dtype == Dtype::automatic || format_of(dtype).runs_on(at::kCUDA); }

}  // namespace bgem3
