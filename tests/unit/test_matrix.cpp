#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "bgem3/eigen.h"
#include "bgem3/matrix.h"

using namespace bgem3;

namespace {

static_assert(std::forward_iterator<RowIterator<float>> && std::forward_iterator<RowIterator<const float>>);
static_assert(std::is_nothrow_move_constructible_v<Matrix> && std::is_nothrow_move_assignable_v<Matrix>);
static_assert(sizeof(Matrix) == 3 * sizeof(void*) && sizeof(MatrixView) == 3 * sizeof(void*));

template <typename Rows>
concept EigenTakes = requires(Rows&& rows) {
  as_eigen(std::forward<Rows>(rows));
};
static_assert(EigenTakes<Matrix&> && EigenTakes<const Matrix&> && EigenTakes<MatrixView>);
static_assert(!EigenTakes<Matrix> && !EigenTakes<const Matrix>);  // views of what is gone

Matrix numbers(std::size_t rows, std::size_t cols) {
  Matrix matrix(rows, cols);
  for (std::size_t i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<float>(i);
  return matrix;
}

}  // namespace

TEST_CASE("a matrix is its rows, one after the other") {
  Matrix matrix = numbers(2, 3);
  CHECK(matrix.rows() == 2);
  CHECK(matrix.cols() == 3);
  CHECK(matrix(1, 2) == 5);
  CHECK(std::vector<float>(matrix.row(1).begin(), matrix.row(1).end()) == std::vector<float>{3, 4, 5});
  matrix(0, 1) = 7;
  matrix.row(1)[0] = 8;
  for (const auto row : matrix) row[2] = 9;
  CHECK(std::vector<float>(matrix.data(), matrix.data() + matrix.size()) == std::vector<float>{0, 7, 9, 8, 4, 9});
  CHECK(std::distance(std::as_const(matrix).begin(), std::as_const(matrix).end()) == 2);
  const MatrixView view = matrix;
  CHECK(view.data() == matrix.data());
  CHECK(view(1, 0) == 8);
  CHECK(view.row(0).data() == matrix.data());
  CHECK(std::distance(view.begin(), view.end()) == 2);
}

TEST_CASE("copies are apart, and what was moved from is empty") {
  const Matrix original = numbers(3, 2);
  Matrix copy = original;
  CHECK(copy == original);
  copy(0, 0) = 5;
  CHECK_FALSE(copy == original);
  copy = original;
  copy = *&copy;
  CHECK(copy == original);
  const float* const memory = copy.data();
  Matrix moved = std::move(copy);
  CHECK(moved.data() == memory);
  CHECK(copy.rows() == 0);  // NOLINT(bugprone-use-after-move): it is what is tested
  CHECK(copy.empty());
  copy = std::move(moved);
  CHECK(copy.data() == memory);
  moved = numbers(1, 1);
  std::swap(copy, moved);
  CHECK(moved == original);
  CHECK(copy == numbers(1, 1));
}

TEST_CASE("matrices without numbers keep their sizes") {
  const Matrix flat(0, 4), thin(3, 0);
  CHECK(flat.cols() == 4);
  CHECK(flat.empty());
  CHECK(std::distance(thin.begin(), thin.end()) == 3);
  CHECK(thin.row(2).empty());
  CHECK_FALSE(flat == thin);
  CHECK(Matrix(flat) == flat);
  CHECK(Matrix() == Matrix());
}

TEST_CASE("sizes beyond memory are refused") {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  CHECK_THROWS_AS(Matrix(most, 2), std::bad_alloc);
  CHECK_THROWS_AS(Matrix(most / 4, 1), std::bad_alloc);
  CHECK_THROWS_AS(Matrix(std::size_t{1} << 32U, std::size_t{1} << 32U), std::bad_alloc);
}

TEST_CASE("Eigen sees the same numbers") {
  Matrix matrix = numbers(2, 3);
  as_eigen(matrix)(1, 1) = 40;
  as_eigen(matrix.row(0)) *= 2;
  CHECK(matrix(1, 1) == 40);
  CHECK(matrix(0, 2) == 4);
  const Matrix& same = matrix;
  CHECK(as_eigen(same).sum() == 0 + 2 + 4 + 3 + 40 + 5);
  CHECK(as_eigen(same.row(1)).maxCoeff() == 40);
  CHECK(as_eigen(same).data() == matrix.data());
}
