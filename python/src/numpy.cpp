#include "numpy.h"

namespace bgem3::python {
namespace py = pybind11;
namespace {

py::tuple concatenate(const std::vector<LexicalWeights>& sparse) {
  std::vector<std::int32_t> ids;
  std::vector<float> weights;
  std::vector<std::int64_t> offsets = {0};
  for (const auto& text : sparse) {
    for (const auto& token : text) {
      ids.push_back(token.id);
      weights.push_back(token.weight);
    }
    offsets.push_back(static_cast<std::int64_t>(ids.size()));
  }
  return py::make_tuple(take_over(std::move(ids)), take_over(std::move(weights)), take_over(std::move(offsets)));
}

}  // namespace

py::list to_list(std::vector<Matrix>&& matrices) {
  py::list arrays;
  for (auto& matrix : matrices) arrays.append(take_over(std::move(matrix)));
  return arrays;
}

py::dict to_numpy(Embeddings&& embeddings, const EncodeOptions& options) {
  py::dict result;
  result["dense"] = options.dense ? py::object(take_over(std::move(embeddings.dense))) : py::none();
  result["sparse"] = options.sparse ? py::object(concatenate(embeddings.sparse)) : py::none();
  result["colbert"] = options.colbert ? py::object(to_list(std::move(embeddings.colbert))) : py::none();
  const auto& counts = embeddings.token_counts;
  result["token_counts"] = take_over(std::vector<std::int64_t>(counts.begin(), counts.end()));
  return result;
}

}  // namespace bgem3::python
