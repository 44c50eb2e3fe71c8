#pragma once

#include <filesystem>

namespace bgem3 {

/// The model directory that `path` means: itself, or the snapshot that refs/main of a folder of the Hugging Face cache
/// (`models--ORG--NAME`) names.
/// @throws Error bad_model for a path that is none; it names the model directory where that lies right above or below
std::filesystem::path find_model_directory(const std::filesystem::path& path);

}  // namespace bgem3
