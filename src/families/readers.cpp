#include "families/readers.h"

#include <array>
#include <deque>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"

namespace bgem3 {
namespace {

struct Reader {
  std::string_view model_type;
  decltype(Family::read) read;
};

// One line a family; encoders.cpp has the other half, which needs LibTorch.
constexpr std::array<Reader, 2> readers{{{"xlm-roberta", read_xlm_roberta}, {"bert", read_bert}}};

// What add_family() has added.
struct Added {
  std::mutex mutex;
  std::deque<Family> families;
};

Added& added() {
  static Added all;
  return all;
}

// Calls use(family) for the added family of that model_type, with those that there are left alone meanwhile.
template <typename Use>
auto of_added(std::string_view model_type, const Use& use) -> decltype(use(std::declval<const Family&>())) {
  Added& all = added();
  const std::scoped_lock lock(all.mutex);
  for (const auto& family : all.families) {
    if (family.model_type == model_type) return use(family);
  }
  return nullptr;
}

}  // namespace

decltype(Family::read) find_reader(std::string_view model_type) {
  for (const auto& reader : readers) {
    if (reader.model_type == model_type) return reader.read;
  }
  return of_added(model_type, [](const Family& family) { return family.read; });
}

decltype(Family::bind) find_added_binder(std::string_view model_type) {
  return of_added(model_type, [](const Family& family) { return family.bind; });
}

void add_family(Family family) {
  if (find_reader(family.model_type) != nullptr || family.read == nullptr || family.bind == nullptr) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("expected a new model_type with read and bind, found {}, families so far: {}",
                            detail::in_quotes(family.model_type), known_families()));
  }
  Added& all = added();
  const std::scoped_lock lock(all.mutex);
  all.families.push_back(std::move(family));
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const auto& reader : readers) names.emplace_back(reader.model_type);
  Added& all = added();
  const std::scoped_lock lock(all.mutex);
  for (const auto& family : all.families) names.push_back(family.model_type);
  return names;
}

std::string known_families() {
  const auto names = family_names();
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "" : i + 1 == names.size() ? " or " : ", ";
    text += detail::in_quotes(names[i]);
  }
  return text;
}

}  // namespace bgem3
