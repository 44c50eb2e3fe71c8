#include "texts.h"

#include <cstddef>

namespace bgem3::python {
namespace py = pybind11;
namespace {

// Not PyUnicode_AsUTF8AndSize where it would encode: a str keeps what that returns, and so grows for good.
// Lone surrogates, which UTF-8 cannot hold, arrive as bytes that are not UTF-8: the tokenizer takes them for U+FFFD.
std::string to_utf8(const py::handle& text, std::size_t index) {
  if (!PyUnicode_Check(text.ptr())) {
    throw py::type_error("text " + std::to_string(index) + " should be a str, found " +
                         std::string(py::str(py::type::handle_of(text).attr("__name__"))));
  }
  if (PyUnicode_IS_COMPACT_ASCII(text.ptr())) {
    py::ssize_t size = 0;
    const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
    return {bytes, static_cast<std::size_t>(size)};
  }
  PyObject* bytes = PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass");
  if (bytes == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::bytes>(bytes);
}

}  // namespace

std::vector<std::string> to_texts(const py::sequence& texts) {
  if (PyUnicode_Check(texts.ptr())) throw py::type_error("texts should be a sequence of str, found a str");
  std::vector<std::string> result;
  result.reserve(texts.size());
  for (const auto& text : texts) result.push_back(to_utf8(text, result.size()));
  return result;
}

void check_pairs(const std::vector<std::string>& queries, const std::vector<std::string>& passages) {
  if (queries.size() != passages.size()) throw py::value_error("there should be as many passages as queries");
}

std::vector<TextPair> pairs_of(const std::vector<std::string>& queries, const std::vector<std::string>& passages) {
  std::vector<TextPair> pairs;
  pairs.reserve(queries.size());
  for (std::size_t i = 0; i < queries.size(); ++i) pairs.push_back({queries[i], passages[i]});
  return pairs;
}

}  // namespace bgem3::python
