#pragma once

#include <filesystem>

#include "bgem3/tokenizer.h"
#include "model/model.h"

namespace bgem3 {

/// Everything in a model directory.
struct LoadedModel {
  Model model;
  Tokenizer tokenizer;
};

/// Embedder::release_memory
void release_unused_memory(const Model& model);

/// @throws Error as Embedder::load and Reranker::load do
LoadedModel load_directory(const std::filesystem::path& directory, const LoadOptions& options, ModelKind kind);

}  // namespace bgem3
