#pragma once

#include <filesystem>
#include <string>

namespace bgem3 {

/// The directory of the model that the adapter in `adapter` changes. `name`: a path, relative to the working directory
/// as in transformers, or the name of a repository, which is looked for in the Hugging Face cache that `adapter` lies
/// in, then in that of HF_HUB_CACHE or HF_HOME.
/// @throws Error bad_model where it is not found; says what to do
std::filesystem::path find_base_model(const std::filesystem::path& adapter, const std::string& name);

}  // namespace bgem3
