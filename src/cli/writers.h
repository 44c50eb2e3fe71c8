#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bgem3/embeddings.h"
#include "bgem3/options.h"
#include "cli/checksum.h"
#include "cli/output_file.h"

namespace bgem3::cli {

/// A part of the output. What it refers to outlives it.
struct OutputRecords {
  const std::vector<std::string>& ids;   ///< JSON, one of each record
  const Embeddings& embeddings;          ///< of the records that have a text
  const std::vector<std::size_t>& null;  ///< which of `ids` have none, ascending
  const EncodeOptions& options;          ///< say which kinds are null there
};

/// Puts embeddings into a file, whole records only: when a write fails, what was half written is taken back.
class EmbeddingWriter {
 public:
  /// How far the output has come.
  struct Position {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;  ///< behind the header
    Checksum checksum;        ///< of these bytes
  };

  /// @param file  outlives the writer
  explicit EmbeddingWriter(OutputFile& file) : file_(file) {}
  EmbeddingWriter(const EmbeddingWriter&) = delete;
  EmbeddingWriter& operator=(const EmbeddingWriter&) = delete;
  virtual ~EmbeddingWriter() = default;

  /// Empties a regular file and writes what comes before the first record.
  /// @throws Error io_error
  void begin();

  /// Takes the records up to `position` for its own, and cuts off what comes after them.
  /// @throws Error io_error
  void go_on(const Position& position);

  /// @throws Error invalid_argument when the file does not begin as begin() leaves it
  virtual void expect_header() const {}
  [[nodiscard]] virtual std::uint64_t header_bytes() const noexcept { return 0; }

  /// Appends one record for each id. Kinds that were not asked for are left out. Without a text, the others are null,
  /// in npy NaN.
  /// @throws Error io_error telling how many records are safe: in a regular file none of this call; std::system_error
  ///         as OutputFile::append()
  void write(const OutputRecords& records);

  /// Of the records in the file, those of an earlier run included.
  [[nodiscard]] const Position& position() const noexcept { return position_; }

 protected:
  [[nodiscard]] OutputFile& file() const noexcept { return file_; }
  void count(std::uint64_t rows, std::string_view bytes);

  /// write(), but returns false when the device is full.
  virtual bool append(const OutputRecords& records) = 0;
  /// Makes the header say how many rows there are; false when the device is full.
  virtual bool write_header() { return true; }

 private:
  [[noreturn]] void tell_safe() const;

  OutputFile& file_;
  Position position_;
};

/// One JSON object a line: {"id": …, "dense": […], "sparse": {"id": weight, …}, "colbert": [[…], …]}. Numbers are the
/// shortest that read back to the same float32.
std::unique_ptr<EmbeddingWriter> make_jsonl_writer(OutputFile& file);

/// NumPy's .npy, float32 [B, D], dense vectors only. The header is rewritten as rows arrive, so the file is valid at
/// any time; that takes a regular file.
/// @throws Error invalid_argument for a pipe
std::unique_ptr<EmbeddingWriter> make_npy_writer(OutputFile& file, std::size_t dimension);

}  // namespace bgem3::cli
