#pragma once

#include <memory>
#include <string>

#include "cli/input/byte_source.h"

namespace bgem3::cli {

/// What `source` holds after decompression, a bounded part at a time. Each is built where its library is installed;
/// else it refuses by name.
/// @param name  of the input, for messages
/// @throws Error io_error from read() when the data is damaged or ends too early; invalid_argument when this bgem3 was
///         built without the library
std::unique_ptr<ByteSource> make_gzip_source(ByteSource& source, const std::string& name);
std::unique_ptr<ByteSource> make_zstd_source(ByteSource& source, const std::string& name);

}  // namespace bgem3::cli
