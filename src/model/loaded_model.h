#pragma once

#include <filesystem>
#include <memory>

#include "bgem3/tokenizer.h"
#include "model/model.h"

namespace bgem3 {

/// malloc keeps what a destroyed model gave back, hundreds of megabytes, for itself; the system gets it from here.
struct FreedMemoryReturned {
  FreedMemoryReturned() = default;
  FreedMemoryReturned(const FreedMemoryReturned&) = delete;
  FreedMemoryReturned& operator=(const FreedMemoryReturned&) = delete;
  ~FreedMemoryReturned();
};

/// Everything in a model directory.
struct LoadedModel {
  std::unique_ptr<FreedMemoryReturned> destroyed_last = std::make_unique<FreedMemoryReturned>();
  Model model;
  Tokenizer tokenizer;
};

/// Embedder::release_memory
void release_unused_memory(const Model& model);

/// @throws Error as Embedder::load and Reranker::load do
LoadedModel load_directory(const std::filesystem::path& directory, const LoadOptions& options, ModelKind kind);

}  // namespace bgem3
