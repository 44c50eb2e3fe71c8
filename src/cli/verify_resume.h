#pragma once

#include "cli/checksum.h"
#include "cli/output_file.h"
#include "cli/resume_state.h"
#include "cli/text_reader.h"

namespace bgem3::cli {

/// What makes an output and a command belong together. `output` is its name, for messages.

/// @throws Error invalid_argument naming each parameter that differs
void expect_same_parameters(const std::string& output, const ResumeState::Parameters& begun,
                            const ResumeState::Parameters& given);

/// @throws Error invalid_argument for an output that ends before the last mark
void expect_size(const OutputFile& file, std::uint64_t header_bytes, const ResumeMark& last);

// A signal (see Interrupt) ends both of these with Error cancelled.

/// Reads the output up to the last mark.
/// @return its checksum
/// @throws Error invalid_argument naming the first records that are not as they were written
Checksum verify_output(const OutputFile& file, std::uint64_t header_bytes, const std::vector<ResumeMark>& marks);

/// Reads the texts up to the last mark.
/// @return their checksum
/// @throws Error invalid_argument naming the first texts that differ; what TextReader::read throws
Checksum verify_input(TextReader& reader, const std::string& output, const std::vector<ResumeMark>& marks);

/// Adds all that a chunk puts into the output.
void add_texts(const TextChunk& chunk, Checksum& checksum);

}  // namespace bgem3::cli
