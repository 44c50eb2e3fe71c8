#pragma once

#include <filesystem>
#include <memory>
#include <new>
#include <utility>

#include <c10/util/Exception.h>

#include "bgem3/error.h"
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

/// The border of the library: what comes from below leaves as Error, what a caller's callback throws passes unchanged.
template <typename Work>
auto translate_errors(Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ErrorCode::out_of_memory, std::string("not enough memory: ") + error.what_without_backtrace());
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::internal, std::string("LibTorch failed: ") + error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "not enough memory");
  }
}

}  // namespace bgem3
