// The only place that knows Apache Arrow. It needs nothing else of bgem3.

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/schema.h>

#include "bgem3/export.h"
#include "bgem3/version.h"
#include "cli/input/parquet_file.h"

namespace bgem3::cli {
namespace {

using Value = ParquetFile::Value;

// Pages that claim more, of which a few are in memory at a time, are refused.
constexpr std::int64_t memory_max = std::int64_t{1} << 30;
constexpr std::int64_t buffer_bytes = 1 << 20;

[[noreturn]] void fail(const std::string& reason) { throw std::runtime_error(reason); }

std::string to_text(const parquet::ByteArray& value, bool /*is_unsigned*/) {
  return value.len == 0 ? std::string() : std::string(reinterpret_cast<const char*>(value.ptr), value.len);
}

template <typename Integer>
std::string to_text(Integer value, bool is_unsigned) {
  return is_unsigned ? std::to_string(static_cast<std::make_unsigned_t<Integer>>(value)) : std::to_string(value);
}

bool is_unsigned(const parquet::ColumnDescriptor& column) {
  const auto* const integer = dynamic_cast<const parquet::IntLogicalType*>(column.logical_type().get());
  return integer != nullptr && !integer->is_signed();
}

// The values of one column in a group of rows.
class ColumnValues {
 public:
  ColumnValues() = default;
  ColumnValues(const ColumnValues&) = delete;
  ColumnValues& operator=(const ColumnValues&) = delete;
  virtual ~ColumnValues() = default;
  virtual Value next() = 0;
  virtual bool is_at_end() = 0;
};

template <typename Type>
class TypedValues : public ColumnValues {
 public:
  explicit TypedValues(const std::shared_ptr<parquet::ColumnReader>& reader)
      : reader_(std::dynamic_pointer_cast<parquet::TypedColumnReader<Type>>(reader)),
        defined_(reader->descr()->max_definition_level()),
        is_unsigned_(is_unsigned(*reader->descr())) {}

  Value next() override {
    if (at_ == levels_) read();
    const bool is_null = defined_ > 0 && definition_[at_] < defined_;
    ++at_;
    return is_null ? std::nullopt : Value(to_text(values_[value_++], is_unsigned_));
  }

  bool is_at_end() override { return at_ == levels_ && !reader_->HasNext(); }

 private:
  static constexpr std::size_t batch = 256;

  // Values of a page are there until the next batch is read, which may lie in another page.
  void read() {
    std::int64_t count = 0;
    at_ = value_ = levels_ = 0;
    if (reader_->HasNext()) {
      levels_ =
          static_cast<std::size_t>(reader_->ReadBatch(batch, definition_.data(), nullptr, values_.data(), &count));
    }
    if (levels_ == 0) fail("a column has fewer values than there are rows");
    // Some decoders return fewer than a page claims. What is left in values_ then points to a page that is gone.
    const auto end = definition_.begin() + static_cast<std::ptrdiff_t>(levels_);
    const auto expected =
        defined_ == 0 ? static_cast<std::int64_t>(levels_) : std::count(definition_.begin(), end, defined_);
    if (count != expected) fail("a page has fewer values than it claims");
  }

  std::shared_ptr<parquet::TypedColumnReader<Type>> reader_;
  std::int16_t defined_;
  bool is_unsigned_;
  std::array<std::int16_t, batch> definition_{};
  std::array<typename Type::c_type, batch> values_{};
  std::size_t levels_ = 0;  // in definition_
  std::size_t at_ = 0;
  std::size_t value_ = 0;  // in values_, where nulls take no place
};

std::unique_ptr<ColumnValues> make_values(const std::shared_ptr<parquet::ColumnReader>& reader) {
  switch (reader->type()) {
    case parquet::Type::BYTE_ARRAY: return std::make_unique<TypedValues<parquet::ByteArrayType>>(reader);
    case parquet::Type::INT32: return std::make_unique<TypedValues<parquet::Int32Type>>(reader);
    default: return std::make_unique<TypedValues<parquet::Int64Type>>(reader);
  }
}

using Kind = ParquetFile::Kind;

Kind kind_of(const parquet::ColumnDescriptor& column) {
  const auto& logical = column.logical_type();
  const bool is_plain = logical == nullptr || logical->is_none();
  switch (column.physical_type()) {
    case parquet::Type::BYTE_ARRAY:
      return logical != nullptr && (logical->is_string() || logical->is_enum()) ? Kind::text : Kind::other;
    case parquet::Type::INT32:
    case parquet::Type::INT64: {
      return is_plain || logical->is_int() ? Kind::integer : Kind::other;
    }
    default: return Kind::other;
  }
}

std::string type_of(const parquet::ColumnDescriptor& column) {
  const auto& logical = column.logical_type();
  const bool has_logical = logical != nullptr && !logical->is_none();
  return has_logical ? logical->ToString() : parquet::TypeToString(column.physical_type());
}

class ArrowParquetFile : public ParquetFile {
 public:
  explicit ArrowParquetFile(const std::string& path) : pool_(arrow::default_memory_pool(), memory_max) {
    parquet::ReaderProperties properties(&pool_);
    properties.enable_buffered_stream();
    properties.set_buffer_size(buffer_bytes);
    properties.set_page_checksum_verification(true);
    auto file = arrow::io::ReadableFile::Open(path, &pool_);
    if (!file.ok()) fail(file.status().message());
    file_ = parquet::ParquetFileReader::Open(*file, properties);
    read_schema(*file_->metadata()->schema());
  }

  [[nodiscard]] const std::vector<Column>& columns() const noexcept override { return columns_; }
  [[nodiscard]] std::uint64_t rows() const noexcept override {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(file_->metadata()->num_rows(), 0));
  }

  void select(const std::vector<std::size_t>& columns) override {
    for (const std::size_t column : columns) selected_.push_back(leaves_[column]);
  }

  bool next(std::vector<Value>& values) override {
    while (rows_left_ == 0) {
      expect_end_of_group();
      if (group_ == file_->metadata()->num_row_groups()) return false;
      open_group(group_++);
    }
    --rows_left_;
    values.clear();
    for (const auto& column : values_) values.push_back(column->next());
    return true;
  }

 private:
  // A list or a struct has several values in a row, and leaves of its own.
  void read_schema(const parquet::SchemaDescriptor& schema) {
    const parquet::schema::GroupNode& root = *schema.group_node();
    for (int i = 0; i < root.field_count(); ++i) {
      const parquet::schema::Node& field = *root.field(i);
      const bool is_single = field.is_primitive() && !field.is_repeated();
      const int leaf = is_single ? schema.ColumnIndex(field) : -1;
      if (leaf < 0) {
        columns_.push_back({field.name(), Kind::other, "a list or struct"});
      } else {
        const parquet::ColumnDescriptor& column = *schema.Column(leaf);
        columns_.push_back({field.name(), kind_of(column), type_of(column)});
      }
      leaves_.push_back(leaf);
    }
  }

  void expect_end_of_group() const {
    for (const auto& column : values_) {
      if (!column->is_at_end()) fail("a column has more values than there are rows");
    }
  }

  void open_group(int number) {
    values_.clear();
    const auto group = file_->RowGroup(number);
    rows_left_ = group->metadata()->num_rows();
    if (rows_left_ < 0) fail("a negative number of rows");
    for (const int leaf : selected_) values_.push_back(make_values(group->Column(leaf)));
  }

  arrow::CappedMemoryPool pool_;
  std::unique_ptr<parquet::ParquetFileReader> file_;
  std::vector<Column> columns_;
  std::vector<int> leaves_;                            // of columns_, by Arrow's number
  std::vector<int> selected_;                          // leaves
  std::vector<std::unique_ptr<ColumnValues>> values_;  // of the group, in the order of selected_
  std::int64_t rows_left_ = 0;                         // in the group
  int group_ = 0;                                      // the next one
};

std::unique_ptr<ParquetFile> open(const std::string& path) { return std::make_unique<ArrowParquetFile>(path); }

constexpr ParquetLibrary library{BGEM3_VERSION_STRING, open};

}  // namespace
}  // namespace bgem3::cli

extern "C" BGEM3_API const bgem3::cli::ParquetLibrary* bgem3_cli_parquet_library() { return &bgem3::cli::library; }
