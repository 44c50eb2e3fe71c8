#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "bgem3/bgem3.h"
#include "cli/arguments.h"
#include "cli/checkpoints.h"
#include "cli/output_file.h"
#include "cli/protected_files.h"
#include "cli/text_reader.h"
#include "cli/writers.h"

namespace bgem3::cli {

/// What can be told about the output of `encode` from the arguments alone, before the time that loading takes.
/// @throws Error invalid_argument for an output that is the input or a part of the model, cannot be resumed, or is npy
///         and asked to hold more than dense vectors
void refuse_output(const EncodeArguments& arguments);

/// The output of `encode`, with the notes of how far it has come where it is a regular file. What an earlier run left
/// stays until begin() or go_on(), so that an input that is refused costs nothing.
class EncodeOutput {
 public:
  /// Opens and locks the output. With --resume, compares all that does not take the input.
  /// @param options      those that encode() is called with
  /// @param chunk_texts  how many texts the first chunk takes
  /// @throws Error invalid_argument for what refuse_output() refuses, a file that is none of this command in the place
  ///         of the notes, and an output that does not belong to these arguments; io_error
  EncodeOutput(const EncodeArguments& arguments, const Embedder& embedder, const EncodeOptions& options,
               std::uint64_t chunk_texts);

  /// Whether there is something to go on with.
  [[nodiscard]] bool is_begun() const noexcept { return is_begun_; }

  /// Goes on with what is there.
  /// @return how many texts the next chunk takes
  /// @throws Error as Checkpoints::go_on()
  std::uint64_t go_on(TextReader& reader);

  /// Empties the output and begins with it.
  /// @throws Error io_error
  void begin();

  /// Writes the records of a chunk.
  /// @throws Error io_error; std::system_error as OutputFile::append()
  void write(const TextChunk& chunk, const Embeddings& embeddings, std::uint64_t next_chunk_texts);

  /// Notes what was written.
  /// @throws Error io_error
  void save();
  /// The same when the work has failed, whose error comes first: what is wrong now is only told.
  void save_after_failure();
  /// @throws Error io_error
  void close() { file_.close(); }

  [[nodiscard]] bool can_be_resumed() const noexcept { return checkpoints_.has_value(); }
  [[nodiscard]] std::uint64_t rows() const noexcept { return writer_->position().rows; }
  /// For messages.
  [[nodiscard]] const std::string& name() const noexcept { return file_.name(); }

 private:
  void keep_checkpoints(const EncodeArguments& arguments, const Embedder& embedder, const ProtectedFiles& files,
                        std::uint64_t chunk_texts);

  EncodeOptions options_;
  OutputFile file_;
  std::unique_ptr<EmbeddingWriter> writer_;
  std::optional<Checkpoints> checkpoints_;
  bool is_begun_ = false;
};

}  // namespace bgem3::cli
