#include "cli/writers.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "file/json_vectors.h"

namespace bgem3::cli {
namespace {

using Buffer = fmt::memory_buffer;

class JsonlWriter : public EmbeddingWriter {
 public:
  using EmbeddingWriter::EmbeddingWriter;

 protected:
  bool append(const OutputRecords& records) override {
    constexpr std::size_t buffer_bytes = 1024 * 1024;  // numbers as text take several times the memory of floats
    Buffer buffer;
    auto null = records.null.begin();
    std::size_t text = 0;
    for (std::size_t i = 0; i < records.ids.size(); ++i) {
      if (null != records.null.end() && *null == i) {
        append_null(buffer, records.ids[i], records.options);
        ++null;
      } else {
        append_record(buffer, records.ids[i], records.embeddings, text++);
      }
      if (buffer.size() >= buffer_bytes && !flush(buffer)) return false;
    }
    return flush(buffer);
  }

 private:
  // Writes `buffer`, which holds whole lines, and empties it. Of a line that does not fit, nothing stays.
  bool flush(Buffer& buffer) {
    const std::uint64_t begin = file().size();
    const std::string_view lines(buffer.data(), buffer.size());
    const std::size_t done = file().append(lines);
    const auto whole = done == lines.size() ? lines : lines.substr(0, lines.substr(0, done).rfind('\n') + 1);
    count(static_cast<std::uint64_t>(std::ranges::count(whole, '\n')), whole);
    if (done != lines.size()) {
      file().truncate(begin + whole.size());
      return false;
    }
    buffer.clear();
    return true;
  }

  static void append_record(Buffer& buffer, const std::string& id, const Embeddings& embeddings, std::size_t i) {
    const auto out = std::back_inserter(buffer);
    fmt::format_to(out, "{{\"id\":{}", id);
    if (i < embeddings.dense.rows()) {
      fmt::format_to(out, ",\"dense\":");
      append_numbers(buffer, embeddings.dense.row(i));
    }
    if (i < embeddings.sparse.size()) {
      fmt::format_to(out, ",\"sparse\":");
      append_weights(buffer, embeddings.sparse[i]);
    }
    if (i < embeddings.colbert.size()) {
      fmt::format_to(out, ",\"colbert\":");
      append_rows(buffer, embeddings.colbert[i]);
    }
    fmt::format_to(out, "}}\n");
  }

  static void append_null(Buffer& buffer, const std::string& id, const EncodeOptions& options) {
    fmt::format_to(std::back_inserter(buffer), "{{\"id\":{}{}{}{}}}\n", id, options.dense ? ",\"dense\":null" : "",
                   options.sparse ? ",\"sparse\":null" : "", options.colbert ? ",\"colbert\":null" : "");
  }
};

constexpr std::size_t npy_header_bytes = 128;

std::string npy_header(std::uint64_t rows, std::size_t columns) {
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(npy_header_bytes - 10);
  header += '\0';
  header += fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  header.resize(npy_header_bytes - 1, ' ');
  return header + '\n';
}

// `rows` with those of `null` between them: the numbers, in the result, of rows of NaN.
Matrix insert_nan(const Matrix& rows, const std::vector<std::size_t>& null, std::size_t columns) {
  Matrix all(rows.rows() + null.size(), columns);
  auto next_null = null.begin();
  std::size_t next = 0;
  for (std::size_t i = 0; i < all.rows(); ++i) {
    if (next_null != null.end() && *next_null == i) {
      std::ranges::fill(all.row(i), std::numeric_limits<float>::quiet_NaN());
      ++next_null;
    } else {
      std::ranges::copy(rows.row(next++), all.row(i).begin());
    }
  }
  return all;
}

class NpyWriter : public EmbeddingWriter {
 public:
  NpyWriter(OutputFile& file, std::size_t dimension) : EmbeddingWriter(file), dimension_(dimension) {
    if (file.is_seekable()) return;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("npy needs a regular file to write to, {} is none; name one with --output or use "
                            "--format jsonl",
                            file.name()));
  }

  [[nodiscard]] std::uint64_t header_bytes() const noexcept override { return npy_header_bytes; }

  // Whatever its number of rows: some may have come after the last checkpoint.
  void expect_header() const override {
    const std::string header = file().read(0, npy_header_bytes);
    const std::string shape = "'shape': (";
    const auto at = header.find(shape);
    std::uint64_t rows = 0;
    if (at != std::string::npos) {
      std::from_chars(header.data() + at + shape.size(), header.data() + header.size(), rows);
    }
    if (header == npy_header(rows, dimension_)) return;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} does not begin as an npy file of [rows, {}] float32 that this command wrote; run "
                            "without --resume, which starts again",
                            file().name(), dimension_));
  }

 protected:
  bool append(const OutputRecords& records) override {
    const Matrix& texts = records.embeddings.dense;
    const Matrix with_null = records.null.empty() ? Matrix() : insert_nan(texts, records.null, dimension_);
    const Matrix& rows = records.null.empty() ? texts : with_null;
    const std::string_view bytes(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(float));
    if (file().append(bytes) != bytes.size()) return false;
    count(records.ids.size(), bytes);
    return write_header();
  }

  bool write_header() override {
    const std::string header = npy_header(position().rows, dimension_);
    if (file().size() == 0) return file().append(header) == header.size();
    file().overwrite(0, header);
    return true;
  }

 private:
  std::size_t dimension_;
};

}  // namespace

void EmbeddingWriter::count(std::uint64_t rows, std::string_view bytes) {
  position_.rows += rows;
  position_.bytes += bytes.size();
  position_.checksum.add(bytes);
}

void EmbeddingWriter::begin() {
  position_ = {};
  if (!file_.is_seekable()) return;
  file_.truncate(0);
  if (write_header()) return;
  file_.truncate(0);
  tell_safe();
}

void EmbeddingWriter::go_on(const Position& position) {
  position_ = position;
  file_.truncate(header_bytes() + position.bytes);
  write_header();
}

void EmbeddingWriter::write(const OutputRecords& records) {
  const Position before = position_;
  if (append(records)) return;
  // A chunk that is done in part would be done in other batches after --resume. A pipe keeps what it got.
  if (file_.is_seekable()) go_on(before);
  tell_safe();
}

void EmbeddingWriter::tell_safe() const {
  const char* const advice = file_.is_seekable() ? "; make room and run again with --resume" : "";
  throw Error(ErrorCode::io_error, fmt::format("{} cannot be written: {}. {} texts are safe in it{}", file_.name(),
                                               file_.failure(), position_.rows, advice));
}

std::unique_ptr<EmbeddingWriter> make_jsonl_writer(OutputFile& file) { return std::make_unique<JsonlWriter>(file); }

std::unique_ptr<EmbeddingWriter> make_npy_writer(OutputFile& file, std::size_t dimension) {
  return std::make_unique<NpyWriter>(file, dimension);
}

}  // namespace bgem3::cli
