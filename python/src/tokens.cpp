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

py::tuple template_of(const Tokenizer& tokenizer) {
  const TokenTemplate& around = tokenizer.special_template();
  return py::make_tuple(around.before, around.between, around.after, around.has_types);
}

std::string decode_pieces(const Tokenizer& tokenizer, const std::vector<std::string>& pieces) {
  return tokenizer.decode_pieces(std::vector<std::string_view>(pieces.begin(), pieces.end()));
}

std::vector<std::int32_t> special_ids(const Tokenizer& tokenizer) {
  const auto ids = tokenizer.special_ids();
  return {ids.begin(), ids.end()};
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
           "Ids of each text with its special tokens, cut to max_length (0: not at all).")
      .def("tokenize_with_offsets", &tokenize_with_offsets, py::arg("texts"), py::arg("max_length") = 0,
           "For each text what tokenize() gives, and of each id the place in the text, (begin, end) in characters, and "
           "the word; (0, 0) and -1 of special tokens put in.")
      .def(
          "piece", [](const Tokenizer& self, std::int32_t id) { return std::string(self.piece(id)); }, py::arg("id"),
          "The vocabulary entry of an id.")
      .def("__len__", &Tokenizer::vocabulary_size)
      .def("decode_pieces", &decode_pieces, py::arg("pieces"), "The text of vocabulary entries.")
      .def_property_readonly("model_type", &Tokenizer::model_type, "As tokenizer.json names it.")
      .def_property_readonly("special_ids", &special_ids)
      .def_property_readonly("unknown_id", [](const Tokenizer& self) { return self.special_tokens().unk; })
      .def_property_readonly("named_tokens", &Tokenizer::named_tokens, "By the names of transformers.")
      .def_property_readonly("special_template", &template_of,
                             "Ids before, between and after texts; whether the second text is of type 1.");
}

}  // namespace bgem3::python
