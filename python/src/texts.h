#pragma once

#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include "bgem3/reranker.h"

namespace bgem3::python {

/// UTF-8 of each str.
/// @throws TypeError for what is no str, and for a str in place of the sequence
std::vector<std::string> to_texts(const pybind11::sequence& texts);

/// @throws ValueError unless there are as many of both
void check_pairs(const std::vector<std::string>& queries, const std::vector<std::string>& passages);

/// Query i with passage i, as many of both; views of them.
std::vector<TextPair> pairs_of(const std::vector<std::string>& queries, const std::vector<std::string>& passages);

}  // namespace bgem3::python
