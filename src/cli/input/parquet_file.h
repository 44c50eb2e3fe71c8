#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bgem3::cli {

/// A Parquet file, row by row. Apache Arrow reads it, which is in a library of its own: the program loads it when it
/// meets such a file. What throws, throws std::runtime_error with the reason, or std::bad_alloc.
class ParquetFile {
 public:
  enum class Kind { text, integer, other };
  struct Column {
    std::string name;
    Kind kind;
    std::string type;  ///< for messages
  };
  /// Of a column in a row, an integer as decimal digits; none where it is null.
  using Value = std::optional<std::string>;

  ParquetFile() = default;
  ParquetFile(const ParquetFile&) = delete;
  ParquetFile& operator=(const ParquetFile&) = delete;
  virtual ~ParquetFile() = default;

  [[nodiscard]] virtual const std::vector<Column>& columns() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t rows() const noexcept = 0;

  /// What next() reads: numbers of columns whose kind is not `other`. To be called once, before it.
  virtual void select(const std::vector<std::size_t>& columns) = 0;
  /// The selected values of the next row; false at the end.
  virtual bool next(std::vector<Value>& values) = 0;
};

/// What libbgem3_cli_parquet gives out.
struct ParquetLibrary {
  const char* version;  ///< of bgem3
  std::unique_ptr<ParquetFile> (*open)(const std::string& path);
};

inline constexpr const char* get_parquet_library_name = "bgem3_cli_parquet_library";

}  // namespace bgem3::cli
