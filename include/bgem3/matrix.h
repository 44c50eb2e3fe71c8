#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <span>

#include "bgem3/export.h"

namespace bgem3 {

/// Goes over the rows of a matrix, each a std::span of its numbers.
template <typename Float>
class RowIterator {
 public:
  using value_type = std::span<Float>;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;  // as a reference is no address
  using iterator_concept = std::forward_iterator_tag;

  RowIterator() = default;
  RowIterator(Float* data, std::size_t cols, std::size_t row) noexcept : data_(data), cols_(cols), row_(row) {}

  std::span<Float> operator*() const noexcept { return {data_ + row_ * cols_, cols_}; }
  RowIterator& operator++() noexcept {
    ++row_;
    return *this;
  }
  RowIterator operator++(int) noexcept {
    const RowIterator before = *this;
    ++row_;
    return before;
  }
  friend bool operator==(const RowIterator& a, const RowIterator& b) noexcept { return a.row_ == b.row_; }

 private:
  Float* data_ = nullptr;
  std::size_t cols_ = 0;
  std::size_t row_ = 0;
};

/// float32 numbers [rows, cols] that somebody else owns, row after row without gaps. As cheap to copy as a pointer.
/// An index beyond the last is undefined behaviour, as in a std::span.
class MatrixView {
 public:
  MatrixView() = default;
  MatrixView(const float* data, std::size_t rows, std::size_t cols) noexcept : data_(data), rows_(rows), cols_(cols) {}

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t cols() const noexcept { return cols_; }
  [[nodiscard]] std::size_t size() const noexcept { return rows_ * cols_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] const float* data() const noexcept { return data_; }
  [[nodiscard]] std::span<const float> row(std::size_t index) const noexcept { return {data_ + index * cols_, cols_}; }
  [[nodiscard]] float operator()(std::size_t row, std::size_t col) const noexcept { return data_[row * cols_ + col]; }
  [[nodiscard]] RowIterator<const float> begin() const noexcept { return {data_, cols_, 0}; }
  [[nodiscard]] RowIterator<const float> end() const noexcept { return {data_, cols_, rows_}; }

 private:
  const float* data_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
};

/// float32 numbers [rows, cols], row after row without gaps, in memory of its own. Layout and allocator are the same
/// under all compiler flags; `bgem3/eigen.h` has views of it for Eigen. A matrix that was moved from is empty.
class BGEM3_API Matrix {
 public:
  Matrix() = default;
  /// The numbers are not initialised.
  /// @throws std::bad_alloc
  Matrix(std::size_t rows, std::size_t cols);
  Matrix(const Matrix& other);
  Matrix(Matrix&& other) noexcept;
  Matrix& operator=(const Matrix& other);
  Matrix& operator=(Matrix&& other) noexcept;
  ~Matrix() = default;

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t cols() const noexcept { return cols_; }
  [[nodiscard]] std::size_t size() const noexcept { return rows_ * cols_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] float* data() noexcept { return data_.get(); }
  [[nodiscard]] const float* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::span<float> row(std::size_t index) noexcept { return {data() + index * cols_, cols_}; }
  [[nodiscard]] std::span<const float> row(std::size_t index) const noexcept { return {data() + index * cols_, cols_}; }
  [[nodiscard]] float& operator()(std::size_t row, std::size_t col) noexcept { return data_[row * cols_ + col]; }
  [[nodiscard]] float operator()(std::size_t row, std::size_t col) const noexcept { return data_[row * cols_ + col]; }
  [[nodiscard]] RowIterator<float> begin() noexcept { return {data(), cols_, 0}; }
  [[nodiscard]] RowIterator<float> end() noexcept { return {data(), cols_, rows_}; }
  [[nodiscard]] RowIterator<const float> begin() const noexcept { return {data(), cols_, 0}; }
  [[nodiscard]] RowIterator<const float> end() const noexcept { return {data(), cols_, rows_}; }

  // NOLINTNEXTLINE(google-explicit-constructor): as std::string becomes std::string_view
  operator MatrixView() const noexcept { return {data(), rows_, cols_}; }

 private:
  struct BGEM3_API Free {
    void operator()(float* memory) const noexcept;
  };
  std::unique_ptr<float[], Free> data_;
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
};

/// Whether sizes and all numbers are equal.
BGEM3_API bool operator==(const Matrix& a, const Matrix& b) noexcept;

}  // namespace bgem3
