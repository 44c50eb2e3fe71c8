#include "tokens.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "text/utf8.h"
#include "texts.h"

namespace bgem3::python {
namespace py = pybind11;
namespace {

std::vector<TokenIds> tokenize(const Tokenizer& tokenizer, const py::sequence& sequence, std::size_t max_length) {
  const std::vector<std::string> texts = to_texts(sequence);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const py::gil_scoped_release no_gil;
  return tokenizer.encode_batch(views, max_length);
}

// Brings bytes of a text into the units of str.
class CharacterCount {
 public:
  explicit CharacterCount(std::string_view text) {
    before_.reserve(text.size() + 1);
    std::size_t count = 0;
    for (const char byte : text) {
      before_.push_back(count);
      count += utf8::is_tail(byte) ? 0 : 1;
    }
    before_.push_back(count);
  }

  [[nodiscard]] std::size_t before(std::size_t byte) const { return before_[byte]; }

 private:
  std::vector<std::size_t> before_;
};

struct PlacedRow {
  TokenIds ids;
  std::vector<std::pair<std::size_t, std::size_t>> offsets;
  std::vector<std::int32_t> words;
};

PlacedRow place(const Tokenizer& tokenizer, std::string_view text, std::size_t max_length) {
  TokensWithOffsets tokens = tokenizer.encode_with_offsets(text, max_length);
  const CharacterCount characters(text);
  PlacedRow row{.ids = std::move(tokens.ids), .offsets = {}, .words = {}};
  for (const auto& token : tokens.offsets) {
    row.offsets.emplace_back(characters.before(token.begin), characters.before(token.end));
    row.words.push_back(token.word);
  }
  return row;
}

std::vector<py::tuple> tokenize_with_offsets(const Tokenizer& tokenizer, const py::sequence& sequence,
                                             std::size_t max_length) {
  const std::vector<std::string> texts = to_texts(sequence);
  std::vector<PlacedRow> rows;
  rows.reserve(texts.size());
  {
    const py::gil_scoped_release no_gil;
    for (const auto& text : texts) rows.push_back(place(tokenizer, text, max_length));
  }
  std::vector<py::tuple> result;
  result.reserve(rows.size());
  for (const auto& row : rows) result.push_back(py::make_tuple(row.ids, row.offsets, row.words));
  return result;
}

py::dict special_ids(const Tokenizer& tokenizer) {
  const SpecialTokens& special = tokenizer.special_tokens();
  using namespace py::literals;
  return py::dict("<s>"_a = special.cls, "<pad>"_a = special.pad, "</s>"_a = special.eos, "<unk>"_a = special.unk,
                  "<mask>"_a = special.mask);
}

}  // namespace

void bind_tokenizer(py::module_& module) {
  bind_class<Tokenizer>(module, "Tokenizer", "Text to ids, equal to Hugging Face's.")
      .def_static(
          "load",
          [](const std::filesystem::path& directory, const std::string& pipeline) {
            return Tokenizer::load(directory, {parse_pipeline(pipeline)});
          },
          py::arg("directory"), py::arg("pipeline") = "auto")
      .def("tokenize", &tokenize, py::arg("texts"), py::arg("max_length") = 0,
           "Ids of each text with <s> and </s>, cut to max_length (0: not at all).")
      .def("tokenize_with_offsets", &tokenize_with_offsets, py::arg("texts"), py::arg("max_length") = 0,
           "For each text what tokenize() gives, and of each id the place in the text, (begin, end) in characters, and "
           "the word; (0, 0) and -1 of <s> and </s>.")
      .def(
          "piece", [](const Tokenizer& self, std::int32_t id) { return std::string(self.piece(id)); }, py::arg("id"),
          "The vocabulary entry of an id.")
      .def("__len__", &Tokenizer::vocabulary_size)
      .def_property_readonly("special_ids", &special_ids);
}

}  // namespace bgem3::python
