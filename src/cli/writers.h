#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bgem3/embeddings.h"
#include "cli/output_file.h"

namespace bgem3::cli {

/// Puts embeddings into a file, whole records only: when a write fails, what was half written is taken back.
class EmbeddingWriter {
 public:
  virtual ~EmbeddingWriter() = default;

  /// Appends one record for each id, which is JSON. Kinds that `embeddings` lacks are left out.
  /// @throws Error io_error telling how many records are safe; std::system_error as OutputFile::append()
  virtual void write(const std::vector<std::string>& ids, const Embeddings& embeddings) = 0;

  /// To be called after the last write().
  /// @throws Error io_error
  virtual void finish() = 0;

  /// Records in the file, those of an earlier run included.
  [[nodiscard]] std::size_t records() const noexcept { return records_; }

 protected:
  void set_records(std::size_t records) noexcept { records_ = records; }

 private:
  std::size_t records_ = 0;
};

/// One JSON object a line: {"id": …, "dense": […], "sparse": {"id": weight, …}, "colbert": [[…], …]}. Numbers are the
/// shortest that read back to the same float32.
/// @param resume  keep the whole lines already there and go on after them
std::unique_ptr<EmbeddingWriter> make_jsonl_writer(const std::string& path, bool resume);

/// NumPy's .npy, float32 [B, D], dense vectors only. The header is rewritten as rows arrive, so the file is valid at
/// any time; that takes a regular file.
/// @throws Error invalid_argument for a pipe, or when `resume` finds a file of another kind
std::unique_ptr<EmbeddingWriter> make_npy_writer(const std::string& path, std::size_t dimension, bool resume);

}  // namespace bgem3::cli
