#pragma once

#include <string>

#include "bgem3/bgem3.h"

namespace bgem3::cli {

/// What tells a model from others, whatever its directory is called: a checksum of its configuration, its tokenizer and
/// its weights, in hexadecimal. Of a file of more than 16 MiB it takes the size, the first and the last MiB, and 2048
/// pieces of 4 KiB spread evenly over the rest, which is a hundredth of BGE-M3: other training changes far more, but
/// one that touched a few thousand numbers alone may go unnoticed.
/// @throws Error io_error
std::string model_identity(const ModelInfo& info);

}  // namespace bgem3::cli
