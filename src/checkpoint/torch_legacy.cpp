#include "checkpoint/torch_legacy.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "checkpoint/pickle.h"
#include "checkpoint/state_dict.h"
#include "checkpoint/torch_tensors.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

using Bytes = std::span<const std::byte>;
using detail::Pickle;
using detail::PickleValue;
using Kind = PickleValue::Kind;

constexpr const char* what_to_do = "load it in Python and save it again with torch.save or safetensors";

[[noreturn]] void bad(const std::string& what) {
  throw Error(ErrorCode::bad_model, "torch file without zip archive: " + what);
}

// Where the bytes of a storage lie in the file.
struct Extent {
  std::size_t begin = 0;
  std::size_t size = 0;
};

// Reads the file from its beginning on; nothing is read twice.
class Reader {
 public:
  explicit Reader(Bytes file) : file_(file) {}

  Pickle pickle() {
    Pickle pickle = detail::read_pickle(file_.subspan(at_));
    at_ += pickle.bytes;
    return pickle;
  }

  // The number of its elements in eight bytes, the lowest first, then its bytes.
  Extent storage(const PickledStorage& expected) {
    const std::int64_t elements = number(expected.key);
    if (elements != expected.elements) {
      bad(fmt::format("storage {} has {} elements; expected {}, as its tensors say", in_quotes(expected.key), elements,
                      expected.elements));
    }
    const auto bytes = count_bytes(expected.type, {elements});
    if (!bytes || *bytes > file_.size() - at_) cut_off(expected.key);
    return {std::exchange(at_, at_ + *bytes), *bytes};
  }

 private:
  [[noreturn]] static void cut_off(const std::string& key) {
    bad(fmt::format("storage '{}' ends beyond the file; it is cut off", key));
  }

  std::int64_t number(const std::string& key) {
    constexpr std::size_t number_bytes = 8;
    if (number_bytes > file_.size() - at_) cut_off(key);
    std::uint64_t number = 0;
    for (std::size_t i = number_bytes; i-- > 0;) number = number << 8 | std::to_integer<std::uint64_t>(file_[at_ + i]);
    at_ += number_bytes;
    return static_cast<std::int64_t>(number);
  }

  Bytes file_;
  std::size_t at_ = 0;
};

void check_magic_number(const Pickle& pickle) {
  constexpr std::string_view magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  const PickleValue& found = *pickle.top;
  if (found.kind == Kind::long_integer && found.text == magic) return;
  bad(
      fmt::format("it should begin with the number by which torch.save marks its files, found {}. Other pickles are "
                  "not read; {}",
                  to_string(found.kind), what_to_do));
}

void check_version(const Pickle& pickle) {
  constexpr std::int64_t version = 1001;  // the only one there was
  const PickleValue& found = *pickle.top;
  if (found.kind == Kind::integer && found.integer == version) return;
  bad(fmt::format("expected version {} of its format, found {}; {}", version,
                  found.kind == Kind::integer ? std::to_string(found.integer) : std::string(to_string(found.kind)),
                  what_to_do));
}

// {'protocol_version': 1001, 'little_endian': True, 'type_sizes': {…}}
void check_byte_order(const Pickle& pickle) {
  const auto& items = pickle.top->items;
  if (pickle.top->kind != Kind::dict) {
    bad(fmt::format("expected a dict about the machine that wrote it, found {}", to_string(pickle.top->kind)));
  }
  for (std::size_t i = 0; i < items.size(); i += 2) {
    if (items[i]->kind != Kind::text || items[i]->text != "little_endian") continue;
    if (items[i + 1]->kind == Kind::boolean && items[i + 1]->integer == 1) return;
    bad(fmt::format("'little_endian' is not True: a machine of another byte order wrote it; {}", what_to_do));
  }
  bad("it does not say the byte order of the machine that wrote it: 'little_endian' is missing");
}

// The storages follow in the order of the list of their keys.
std::map<std::string, Extent> read_storages(const Pickle& list, const PickledStorages& claimed, Reader& reader) {
  if (list.top->kind != Kind::list) {
    bad(fmt::format("expected a list of the keys of storages, found {}", to_string(list.top->kind)));
  }
  std::map<std::string, Extent> storages;
  for (const auto* item : list.top->items) {
    const auto found = item->kind == Kind::text ? claimed.find(item->text) : claimed.end();
    if (found == claimed.end()) bad("the list of storages has one that nothing was said of");
    if (storages.contains(found->first)) bad(fmt::format("storage {} occurs twice", in_quotes(found->first)));
    storages.emplace(found->first, reader.storage(found->second));
  }
  return storages;
}

}  // namespace

bool is_torch_legacy(Bytes file) {
  constexpr std::byte proto{0x80};  // which begins every pickle of protocol 2 and later
  return !file.empty() && file[0] == proto;
}

std::vector<TensorRecord> read_torch_legacy(Bytes file) {
  Reader reader(file);
  check_magic_number(reader.pickle());
  check_version(reader.pickle());
  check_byte_order(reader.pickle());
  const Pickle object = reader.pickle();
  const auto tensors = pickled_tensors(object);
  const auto storages = read_storages(reader.pickle(), pickled_storages(object), reader);

  std::vector<TensorRecord> records;
  for (const auto& tensor : tensors) {
    const auto found = storages.find(tensor.storage.key);
    if (found == storages.end()) {
      bad(fmt::format("tensor {} is in storage {}, which is missing", in_quotes(tensor.name),
                      in_quotes(tensor.storage.key)));
    }
    records.push_back(locate(tensor, found->second.begin, found->second.size));
  }
  return records;
}

}  // namespace bgem3
