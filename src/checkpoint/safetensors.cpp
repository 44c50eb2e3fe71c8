#include "checkpoint/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "file/json.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

constexpr std::size_t length_bytes = 8;
constexpr std::uint64_t header_bytes_max = 100'000'000;  // the limit of the reference implementation

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorCode::bad_model, "safetensors: " + what); }

std::uint64_t read_length(std::span<const std::byte> file) {
  if (file.size() < length_bytes) bad(fmt::format("the file has {} bytes, too few for a header", file.size()));
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(file[i]);
  if (length > header_bytes_max || length > file.size() - length_bytes) {
    bad(fmt::format("the header claims {} bytes, the file has {}; it is cut off or not safetensors", length,
                    file.size()));
  }
  return length;
}

// Repeated names, which JSON allows and where the last one wins, would hide a tensor.
class NoNameTwice : public JsonWatch {
 public:
  void key(std::size_t depth, const std::string& name) override {
    if (depth == 1 && !names_.insert(name).second) bad(fmt::format("tensor {} occurs twice", in_quotes(name)));
  }

 private:
  std::set<std::string> names_;
};

nlohmann::json parse_header(std::span<const std::byte> text) {
  constexpr std::size_t values_max = 4'000'000;  // about ten for each tensor
  const auto* begin = reinterpret_cast<const char*>(text.data());
  NoNameTwice names;
  auto header = parse_json({begin, text.size()}, values_max, names);
  if (!header.fault.empty()) bad(fmt::format("the header {}", header.fault));
  if (!header.value.is_object()) bad("the header is not a JSON object");
  return std::move(header.value);
}

ElementType read_type(const std::string& name, const nlohmann::json& value) {
  static constexpr std::pair<std::string_view, ElementType> types[] = {
      {"F64", ElementType::f64}, {"F32", ElementType::f32},     {"F16", ElementType::f16}, {"BF16", ElementType::bf16},
      {"I64", ElementType::i64}, {"I32", ElementType::i32},     {"I16", ElementType::i16}, {"I8", ElementType::i8},
      {"U8", ElementType::u8},   {"BOOL", ElementType::boolean}};
  if (!value.is_string()) bad(fmt::format("tensor {} has no dtype", in_quotes(name)));
  const auto& found = value.get_ref<const std::string&>();
  for (const auto& [text, type] : types) {
    if (found == text) return type;
  }
  bad(fmt::format("tensor {} has dtype {}; expected F32, F16 or BF16", in_quotes(name), in_quotes(found)));
}

// A JSON array of whole numbers that fit into 63 bits, as many as a tensor may have dimensions.
std::vector<std::int64_t> read_numbers(const std::string& name, const char* key, const nlohmann::json& value) {
  const auto fits = [](const nlohmann::json& number) {
    return number.is_number_unsigned() && number.get<std::uint64_t>() <= INT64_MAX;
  };
  if (!value.is_array() || value.size() > rank_max || !std::all_of(value.begin(), value.end(), fits)) {
    bad(fmt::format("tensor {}: {} should be a list of at most {} whole numbers from 0", in_quotes(name), key,
                    rank_max));
  }
  return value.get<std::vector<std::int64_t>>();
}

struct Extent {
  std::size_t begin, end;
  const std::string* name;
};

// The tensors must lie end to end and fill the file: an overlap or a gap means that some offset is wrong.
void check_layout(std::vector<Extent> extents, std::size_t data_bytes) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::size_t expected = 0;
  for (const auto& [begin, end, name] : extents) {
    if (begin != expected) {
      bad(fmt::format("tensor {} begins at byte {} of the data; expected {}: it {} its neighbour", in_quotes(*name),
                      begin, expected, begin < expected ? "overlaps" : "leaves a gap after"));
    }
    expected = end;
  }
  if (expected != data_bytes) {
    bad(fmt::format("the tensors take {} bytes, the file has {} for them; it is cut off or has something appended",
                    expected, data_bytes));
  }
}

}  // namespace

std::vector<TensorRecord> read_safetensors(std::span<const std::byte> file) {
  const auto header_bytes = static_cast<std::size_t>(read_length(file));
  const std::size_t data_begin = length_bytes + header_bytes;
  const nlohmann::json header = parse_header(file.subspan(length_bytes, header_bytes));

  std::vector<TensorRecord> records;
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    if (!entry.is_object()) bad(fmt::format("tensor {} should be an object", in_quotes(name)));
    const auto member = [&entry = entry](const char* key) { return entry.value(key, nlohmann::json()); };
    TensorRecord record{name, read_type(name, member("dtype")), read_numbers(name, "shape", member("shape")), 0, {}};
    const auto offsets = read_numbers(name, "data_offsets", member("data_offsets"));
    const auto bytes = count_bytes(record.type, record.shape);
    if (offsets.size() != 2 || offsets[0] > offsets[1] || !bytes ||
        static_cast<std::size_t>(offsets[1] - offsets[0]) != *bytes) {
      bad(fmt::format("tensor {} of shape [{}] needs {} bytes, its data_offsets are [{}]", in_quotes(name),
                      fmt::join(record.shape, ", "), bytes ? std::to_string(*bytes) : "too many",
                      fmt::join(offsets, ", ")));
    }
    const auto begin = static_cast<std::size_t>(offsets[0]);
    const auto end = static_cast<std::size_t>(offsets[1]);
    if (end > file.size() - data_begin) {
      bad(fmt::format("tensor {} ends at byte {} of the data, the file has {}; it is cut off", in_quotes(name), end,
                      file.size() - data_begin));
    }
    record.offset = data_begin + begin;
    records.push_back(std::move(record));
    extents.push_back({begin, end, nullptr});
  }
  for (std::size_t i = 0; i < records.size(); ++i) extents[i].name = &records[i].name;
  check_layout(std::move(extents), file.size() - data_begin);
  return records;
}

}  // namespace bgem3
