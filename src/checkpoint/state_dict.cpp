#include "checkpoint/state_dict.h"

#include <set>
#include <string_view>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

using detail::Pickle;
using detail::PickleValue;
using Kind = PickleValue::Kind;

// A pickle may refer again and again to what it has once, and here it is copied.
constexpr std::size_t tensors_max = 100'000;  // three times what the opcodes of a pickle are enough for otherwise
constexpr std::size_t name_bytes_max = 4096;
constexpr std::size_t key_bytes_max = 128;  // torch writes a number

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorCode::bad_model, "pickle: " + what); }

std::vector<std::int64_t> read_sizes(std::string_view name, const PickleValue& tuple) {
  std::vector<std::int64_t> sizes;
  if (tuple.kind != Kind::tuple) bad(fmt::format("tensor {} has no sizes", in_quotes(name)));
  if (tuple.items.size() > rank_max) {
    bad(fmt::format("tensor {} has {} dimensions; expected {} at most", in_quotes(name), tuple.items.size(), rank_max));
  }
  for (const auto* item : tuple.items) {
    if (item->kind != Kind::integer || item->integer < 0)
      bad(fmt::format("tensor {} has a size that is no count", in_quotes(name)));
    sizes.push_back(item->integer);
  }
  return sizes;
}

PickledStorage read_storage(const PickleValue& value) {
  const std::string_view key = value.items[2]->text;
  if (key.size() > key_bytes_max) {
    bad(fmt::format("the name of a storage has {} bytes; expected {} at most", key.size(), key_bytes_max));
  }
  const std::int64_t elements = value.items[4]->integer;
  if (elements < 0) bad(fmt::format("storage '{}' has {} elements", key, elements));
  return {std::string(key), *detail::storage_type(value.items[1]->text), elements};
}

// (key of the view, first element, number of elements), which torch before 0.4 wrote; later it is None.
std::optional<StorageView> read_view(const PickleValue& storage) {
  if (storage.items.size() < 6 || storage.items[5]->kind == Kind::none) return std::nullopt;
  const auto& items = storage.items[5]->items;
  const bool well_formed = storage.items[5]->kind == Kind::tuple && items.size() == 3 &&
                           items[1]->kind == Kind::integer && items[1]->integer >= 0 &&
                           items[2]->kind == Kind::integer && items[2]->integer >= 0;
  if (!well_formed) bad("a view of a storage that is not (key, offset, size)");
  return StorageView{items[1]->integer, items[2]->integer};
}

// That the numbers of the storage are to be negated or conjugated.
bool has_metadata(const std::vector<const PickleValue*>& arguments) {
  constexpr std::size_t place = 6;
  return arguments.size() > place && arguments[place]->kind != Kind::none && !arguments[place]->items.empty();
}

// _rebuild_tensor(storage, offset, size, stride), or _rebuild_tensor_v2 with (…, requires_grad, backward_hooks[,
// metadata])
PickledTensor read_tensor(std::string_view name, const PickleValue& value) {
  const auto& arguments = value.items;
  const bool well_formed = arguments.size() >= 4 && arguments[0]->kind == Kind::storage &&
                           arguments[1]->kind == Kind::integer && arguments[1]->integer >= 0;
  if (!well_formed) bad(fmt::format("tensor {} is not rebuilt from a storage", in_quotes(name)));
  if (has_metadata(arguments)) {
    bad(fmt::format("tensor {} is a view that negates or conjugates; expected plain numbers, as of contiguous()",
                    in_quotes(name)));
  }
  const PickleValue& storage = *arguments[0];
  PickledTensor tensor{std::string(name),     read_storage(storage),           read_view(storage),
                       arguments[1]->integer, read_sizes(name, *arguments[2]), read_sizes(name, *arguments[3])};
  if (tensor.shape.size() != tensor.strides.size()) {
    bad(fmt::format("tensor {} has sizes and strides that do not match", in_quotes(name)));
  }
  return tensor;
}

// Trainers wrap the state dict: {"state_dict": {...}, "epoch": 3}.
const PickleValue* find_state_dict(const PickleValue* top) {
  if (top->kind != Kind::dict) bad(fmt::format("expected a dict of tensors, found {}", to_string(top->kind)));
  for (std::size_t i = 0; i < top->items.size(); i += 2) {
    const auto* key = top->items[i];
    const auto* value = top->items[i + 1];
    if (key->kind == Kind::text && key->text == "state_dict" && value->kind == Kind::dict) return value;
  }
  return top;
}

void check_entry(const PickleValue& key, const PickleValue& value) {
  if (key.kind != Kind::text) bad(fmt::format("expected names as keys, found {}", to_string(key.kind)));
  if (key.text.size() > name_bytes_max) {
    bad(fmt::format("a name of {} bytes; expected {} at most", key.text.size(), name_bytes_max));
  }
  if (value.kind != Kind::tensor) {
    bad(fmt::format("entry {}: expected a tensor, found {}", in_quotes(key.text), to_string(value.kind)));
  }
}

}  // namespace

std::vector<PickledTensor> pickled_tensors(const Pickle& pickle) {
  const PickleValue* dict = find_state_dict(pickle.top);
  if (dict->items.size() / 2 > tensors_max) {
    bad(fmt::format("{} tensors; expected {} at most", dict->items.size() / 2, tensors_max));
  }
  std::set<std::string_view> names;  // different ones take no more bytes than the pickle
  std::vector<PickledTensor> tensors;
  for (std::size_t i = 0; i < dict->items.size(); i += 2) {
    const auto& key = *dict->items[i];
    check_entry(key, *dict->items[i + 1]);
    if (!names.insert(key.text).second) bad(fmt::format("tensor {} occurs twice", in_quotes(key.text)));
    tensors.push_back(read_tensor(key.text, *dict->items[i + 1]));
  }
  return tensors;
}

PickledStorages pickled_storages(const Pickle& pickle) {
  PickledStorages storages;
  for (const auto* value : pickle.storages) {
    auto storage = read_storage(*value);
    const auto& [key, first] = *storages.try_emplace(storage.key, storage).first;
    if (first.type != storage.type || first.elements != storage.elements) {
      bad(fmt::format("storage '{}' is said to be of two types or sizes", key));
    }
  }
  return storages;
}

}  // namespace bgem3
