#pragma once

#include <cstddef>

#include "cli/input/options.h"
#include "cli/text_reader.h"

namespace bgem3::cli {

/// All texts of an input, for what needs them together: 256 MiB at most. Tells how many records were bad.
/// @param texts_max  how many there may be
/// @param what       they are, for messages: "texts to compare"
/// @throws Error as TextReader; invalid_argument for more than that, and for none
TextChunk read_whole_input(const InputOptions& options, std::size_t texts_max, const char* what);

}  // namespace bgem3::cli
