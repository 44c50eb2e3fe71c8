#include "bgem3/matrix.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

namespace bgem3 {
namespace {

float* allocate(std::size_t rows, std::size_t cols) {
  if (rows == 0 || cols == 0) return nullptr;
  constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());  // of bytes of an object
  if (rows > most / sizeof(float) / cols) throw std::bad_alloc();
  void* const memory = std::malloc(rows * cols * sizeof(float));
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<float*>(memory);
}

}  // namespace

void Matrix::Free::operator()(float* memory) const noexcept { std::free(memory); }

Matrix::Matrix(std::size_t rows, std::size_t cols) : data_(allocate(rows, cols)), rows_(rows), cols_(cols) {}

Matrix::Matrix(const Matrix& other) : Matrix(other.rows_, other.cols_) {
  std::copy_n(other.data(), other.size(), data());
}

Matrix::Matrix(Matrix&& other) noexcept
    : data_(std::move(other.data_)), rows_(std::exchange(other.rows_, 0)), cols_(std::exchange(other.cols_, 0)) {}

Matrix& Matrix::operator=(const Matrix& other) {
  if (this != &other) *this = Matrix(other);
  return *this;
}

Matrix& Matrix::operator=(Matrix&& other) noexcept {
  data_ = std::move(other.data_);
  const std::size_t rows = std::exchange(other.rows_, 0), cols = std::exchange(other.cols_, 0);
  rows_ = rows;
  cols_ = cols;
  return *this;
}

bool operator==(const Matrix& a, const Matrix& b) noexcept {
  return a.rows() == b.rows() && a.cols() == b.cols() && std::equal(a.data(), a.data() + a.size(), b.data());
}

}  // namespace bgem3
