#pragma once

#include <string>
#include <vector>

#include "bgem3/embeddings.h"

namespace bgem3::cli {

/// A square matrix of similarities as text for a terminal: a row and a column for each label, labels cut to fit into
/// `columns`. With `colored`, the background of a value shows where it lies between the smallest and the largest value
/// off the diagonal.
std::string similarity_table(const std::vector<std::string>& labels, const Matrix& values, std::size_t columns,
                             bool colored);

}  // namespace bgem3::cli
