#include "cli/writers.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "file/json_vectors.h"

namespace bgem3::cli {
namespace {

using Buffer = fmt::memory_buffer;

OutputFile::Mode mode_of(bool resume) { return resume ? OutputFile::Mode::extend : OutputFile::Mode::create; }

[[noreturn]] void tell_safe(const OutputFile& file, std::size_t records) {
  const char* const advice = file.is_seekable() ? "; make room and run again with --resume" : "";
  throw Error(ErrorCode::io_error, fmt::format("'{}' cannot be written: {}. {} texts are safe in it{}", file.name(),
                                               file.failure(), records, advice));
}

constexpr std::string_view record_begin = "{\"id\":";

class JsonlWriter : public EmbeddingWriter {
 public:
  JsonlWriter(const std::string& path, bool resume) : file_(path, mode_of(resume)) {
    if (resume) keep_whole_lines(path);
  }

  void write(const std::vector<std::string>& ids, const Embeddings& embeddings) override {
    constexpr std::size_t buffer_bytes = 1024 * 1024;  // numbers as text take several times the memory of floats
    Buffer buffer;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      append_record(buffer, ids[i], embeddings, i);
      if (buffer.size() >= buffer_bytes) flush(buffer);
    }
    flush(buffer);
  }

  void finish() override { file_.close(); }

 private:
  // Writes `buffer`, which holds whole lines, and empties it.
  void flush(Buffer& buffer) {
    const std::uint64_t begin = file_.size();
    const std::size_t done = file_.append({buffer.data(), buffer.size()});
    set_records(records() + static_cast<std::size_t>(std::count(buffer.data(), buffer.data() + done, '\n')));
    if (done != buffer.size()) {
      const auto last = std::string_view(buffer.data(), done).rfind('\n');
      file_.truncate(begin + (last == std::string_view::npos ? 0 : last + 1));
      tell_safe(file_, records());
    }
    buffer.clear();
  }

  static void append_record(Buffer& buffer, const std::string& id, const Embeddings& embeddings, std::size_t i) {
    const auto out = std::back_inserter(buffer);
    fmt::format_to(out, "{}{}", record_begin, id);
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

  // A run that was killed may have left part of a line.
  void keep_whole_lines(const std::string& path) {
    if (!file_.is_seekable())
      throw Error(ErrorCode::invalid_argument, fmt::format("'{}' cannot be resumed: it is not a regular file", path));
    std::ifstream in(path, std::ios::binary);
    std::uint64_t whole = 0;
    std::string line;
    while (std::getline(in, line)) {
      if (line.compare(0, record_begin.size(), record_begin.substr(0, line.size())) != 0) {
        throw Error(
            ErrorCode::invalid_argument,
            fmt::format("'{}', line {}: not as this command writes it; nothing to resume", path, records() + 1));
      }
      if (in.eof()) break;
      whole += line.size() + 1;
      set_records(records() + 1);
    }
    file_.truncate(whole);
  }

  OutputFile file_;
};

constexpr std::size_t npy_header_bytes = 128;

std::string npy_header(std::size_t rows, std::size_t columns) {
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(npy_header_bytes - 10);
  header += '\0';
  header += fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  header.resize(npy_header_bytes - 1, ' ');
  return header + '\n';
}

class NpyWriter : public EmbeddingWriter {
 public:
  NpyWriter(const std::string& path, std::size_t dimension, bool resume)
      : dimension_(dimension), file_(path, mode_of(resume)) {
    if (!file_.is_seekable()) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("npy needs a regular file to write to, {} is none; name one with --output or use "
                              "--format jsonl",
                              file_.name()));
    }
    if (resume && file_.size() != 0) {
      keep_whole_rows(path);
    } else if (file_.append(npy_header(0, dimension_)) != npy_header_bytes) {
      file_.truncate(0);
      tell_safe(file_, 0);
    }
  }

  void write(const std::vector<std::string>& /*ids*/, const Embeddings& embeddings) override {
    const std::string_view bytes(reinterpret_cast<const char*>(embeddings.dense.data()),
                                 embeddings.dense.size() * sizeof(float));
    const std::size_t done = file_.append(bytes);
    accept_rows(records() + done / row_bytes());
    if (done != bytes.size()) tell_safe(file_, records());
  }

  void finish() override { file_.close(); }

 private:
  // Makes the file one of exactly `rows` rows.
  void accept_rows(std::size_t rows) {
    set_records(rows);
    file_.truncate(npy_header_bytes + rows * row_bytes());
    file_.overwrite(0, npy_header(rows, dimension_));
  }

  [[nodiscard]] std::size_t row_bytes() const { return dimension_ * sizeof(float); }

  // Rows that arrived after the header was last rewritten count as well.
  void keep_whole_rows(const std::string& path) {
    std::string header(npy_header_bytes, '\0');
    std::ifstream(path, std::ios::binary).read(header.data(), npy_header_bytes);
    const std::string shape = "'shape': (";
    const auto at = header.find(shape);
    std::size_t rows = 0;
    if (at != std::string::npos) {
      std::from_chars(header.data() + at + shape.size(), header.data() + header.size(), rows);
    }
    if (header != npy_header(rows, dimension_)) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("'{}' is no npy file of [rows, {}] float32 as this command writes it; nothing to resume",
                              path, dimension_));
    }
    accept_rows((file_.size() - npy_header_bytes) / row_bytes());
  }

  std::size_t dimension_;
  OutputFile file_;
};

}  // namespace

std::unique_ptr<EmbeddingWriter> make_jsonl_writer(const std::string& path, bool resume) {
  return std::make_unique<JsonlWriter>(path, resume);
}

std::unique_ptr<EmbeddingWriter> make_npy_writer(const std::string& path, std::size_t dimension, bool resume) {
  return std::make_unique<NpyWriter>(path, dimension, resume);
}

}  // namespace bgem3::cli
