#include "model/cuda_device.h"

#include <dlfcn.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <fmt/format.h>

#include "base/device_names.h"
#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "bgem3/version.h"
#include "kernels/cuda/plugin.h"
#include "model/errors.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

constexpr const char* library_name = "libbgem3_cuda.so";
constexpr std::string_view prefix = "cuda:";

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::invalid_argument, "CUDA cannot be used: " + what);
}

// What the loader says begins with the library that it did not find: ours, or one that ours needs.
[[noreturn]] void refuse_loading(std::string_view reason) {
  if (reason.starts_with(library_name)) {
    refuse(
        fmt::format("this bgem3 was built without its CUDA part, {} ({}); build it where a CUDA compiler and a "
                    "LibTorch with CUDA are found, as a shared library with -DBGEM3_CUDA=ON, or use device 'cpu'",
                    library_name, reason));
  }
  refuse(
      fmt::format("{} needs a LibTorch with CUDA, of the version that bgem3 was built with ({}); install that, or "
                  "use device 'cpu'",
                  library_name, reason));
}

// Found by the RUNPATH of the library this code is in, which names its own directory.
const cuda::Plugin* load_plugin() {
  void* const library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) refuse_loading(dlerror());
  const auto get_plugin = reinterpret_cast<cuda::GetPlugin>(dlsym(library, cuda::get_plugin_name));
  const cuda::Plugin* const plugin = get_plugin == nullptr ? nullptr : get_plugin();
  if (plugin == nullptr || std::string_view(plugin->version) != BGEM3_VERSION_STRING) {
    refuse(fmt::format("{} is of another bgem3 ({}) than this one ({}); install both from one build", library_name,
                       plugin == nullptr ? "unknown" : plugin->version, BGEM3_VERSION_STRING));
  }
  if (!at::detail::getCUDAHooks().hasCUDART()) {
    refuse(
        "this process has asked LibTorch about CUDA before LibTorch's CUDA half was loaded, and LibTorch does not look "
        "again; call bgem3::cuda_devices() before anything like at::hasCUDA() or Tensor::is_pinned(), link torch_cuda, "
        "or use device 'cpu'");
  }
  return plugin;
}

// Loaded once; while that fails, tried again at each call.
const cuda::Plugin& plugin() {
  static const cuda::Plugin* const loaded = load_plugin();
  return *loaded;
}

std::string list(const std::vector<CudaDevice>& devices) {
  std::string names;
  for (const auto& device : devices) names += fmt::format("{}{}", names.empty() ? "" : ", ", device.name);
  return names;
}

}  // namespace

std::vector<CudaDevice> cuda_devices() {
  const char* reason = "no GPU was found";
  const int count = plugin().device_count(&reason);
  if (count == 0) {
    refuse(fmt::format("{}; check with nvidia-smi that driver and GPU are there, or use device 'cpu'", reason));
  }
  std::vector<CudaDevice> devices;
  for (int index = 0; index < count; ++index) {
    cuda::DeviceProperties found{};
    if (!plugin().describe_device(index, &found)) refuse(fmt::format("GPU {} does not answer", index));
    devices.push_back({found.name, found.major * 10 + found.minor, found.total_bytes});
  }
  return devices;
}

at::Device find_cuda_device(const std::string& name) {
  const std::string_view given = names_cuda(name) ? std::string_view(name) : prefix;
  const std::string_view number = given == "cuda" ? "0" : given.substr(prefix.size());
  unsigned index = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (error != std::errc() || end != number.data() + number.size()) {
    throw Error(ErrorCode::invalid_argument, fmt::format("device {}: expected 'cuda' or 'cuda:N'", in_quotes(name)));
  }
  const char* reason = nullptr;
  if (std::cmp_greater_equal(index, plugin().device_count(&reason))) {
    const auto devices = cuda_devices();
    throw Error(ErrorCode::invalid_argument, fmt::format("device {}: this machine has {} GPU(s), from 0: {}",
                                                         in_quotes(name), devices.size(), list(devices)));
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

std::int64_t cuda_memory_held(const std::string& device) {
  std::vector<at::Device> devices;
  for (const auto& name : split_device_names(device)) {
    const at::Device found = find_cuda_device(name);
    if (std::ranges::find(devices, found) == devices.end()) devices.push_back(found);
  }
  constexpr auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return translate_errors([&] {
    std::int64_t bytes = 0;
    for (const auto& one : devices) {
      bytes += c10::getDeviceAllocator(one.type())->getDeviceStats(one.index()).reserved_bytes[all].current;
    }
    return bytes;
  });
}

void release_cuda_memory() { plugin().release_memory(); }

c10::Stream take_cuda_stream(at::Device device) { return plugin().take_stream(device); }

void give_back_cuda_stream(const c10::Stream& stream) { plugin().give_back_stream(stream); }

cuda::RecordGraph cuda_graph_recorder() { return plugin().record_graph; }

}  // namespace bgem3
