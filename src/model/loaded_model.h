#pragma once

#include <filesystem>
#include <new>
#include <utility>

#include <c10/util/Exception.h>

#include "bgem3/error.h"
#include "bgem3/tokenizer.h"
#include "model/model.h"

namespace bgem3 {

/// Everything in a model directory.
struct LoadedModel {
  Model model;
  Tokenizer tokenizer;
};

/// @throws Error as Embedder::load and Reranker::load do
LoadedModel load_directory(const std::filesystem::path& directory, const LoadOptions& options, ModelKind kind);

/// The border of the library: what comes from below leaves as Error, what a caller's callback throws passes unchanged.
template <typename Work>
auto translate_errors(Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::internal, std::string("LibTorch failed: ") + error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "not enough memory");
  }
}

}  // namespace bgem3
