#pragma once

// Results as Eigen's matrices and vectors, without a copy. The library itself neither uses Eigen nor hands out memory
// of Eigen's, whose alignment depends on compiler flags.

#include <cstddef>
#include <span>

#include <Eigen/Core>

#include "bgem3/matrix.h"

namespace bgem3 {

/// float32, as a Matrix lies in memory.
using EigenMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A view [rows, cols] of the matrix, valid as long as that is neither moved from, assigned to nor destroyed.
inline Eigen::Map<const EigenMatrix> as_eigen(MatrixView matrix) {
  return {matrix.data(), static_cast<Eigen::Index>(matrix.rows()), static_cast<Eigen::Index>(matrix.cols())};
}
inline Eigen::Map<EigenMatrix> as_eigen(Matrix& matrix) {
  return {matrix.data(), static_cast<Eigen::Index>(matrix.rows()), static_cast<Eigen::Index>(matrix.cols())};
}
void as_eigen(const Matrix&&) = delete;  // gone before the view is read

/// A view [n] of one row.
inline Eigen::Map<const Eigen::RowVectorXf> as_eigen(std::span<const float> row) {
  return {row.data(), static_cast<Eigen::Index>(row.size())};
}
inline Eigen::Map<Eigen::RowVectorXf> as_eigen(std::span<float> row) {
  return {row.data(), static_cast<Eigen::Index>(row.size())};
}

}  // namespace bgem3
