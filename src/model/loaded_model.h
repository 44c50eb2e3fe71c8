#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/process_mark.h"
#include "bgem3/tokenizer.h"
#include "model/device_use.h"
#include "model/model.h"

namespace bgem3 {

/// Everything in a model directory, on one or several devices.
struct LoadedModel {
  std::vector<Model> models;           // one for each device
  std::vector<std::size_t> computing;  // which of them compute a call: one that is named twice, two batches at a time
  Tokenizer tokenizer;
  ModelInfo info;  // of the first, with the names of all devices
  std::unique_ptr<DeviceUse> use;
  ProcessMark process{};  // that it was loaded in
};

/// Whether a forked child has what its parent has loaded on a GPU: it cannot be used there, nor freed.
bool is_lost_by_fork(const LoadedModel& loaded);

/// `loaded`, as the Impl of handles that share it. Where it is lost by a fork, the last one leaves it as it is.
template <typename Impl>
std::shared_ptr<const Impl> share_among_handles(LoadedModel loaded) {
  return {new Impl{std::move(loaded)}, [](const Impl* last) {
            if (!is_lost_by_fork(*last)) delete last;
          }};
}

/// What happened to a model, on all its devices.
Statistics collect_statistics(const LoadedModel& loaded) noexcept;

/// Embedder::release_memory
void release_unused_memory(const LoadedModel& loaded);

/// Embedder::check_files
void check_files(const LoadedModel& loaded);

/// Which of `models` may compute a call: all that are `computing`, or those on `device` where that is not empty.
/// @throws Error invalid_argument for a device that the model is not on, and in a forked child for what is on a GPU
std::vector<std::size_t> find_devices(const LoadedModel& loaded, const std::string& device);

/// @throws Error as Embedder::load and Reranker::load do
LoadedModel load_directory(const std::filesystem::path& directory, const LoadOptions& options, ModelKind kind);

}  // namespace bgem3
