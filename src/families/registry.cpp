#include "families/registry.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"

namespace bgem3 {
namespace {

struct Entry {
  std::string_view model_type;
  decltype(Family::read) read;
  decltype(Family::tokenizer_class) tokenizer_class;
};

// One line a family; encoders.cpp has the other half, which needs LibTorch.
constexpr std::array<Entry, 6> entries{{{"xlm-roberta", read_xlm_roberta, "XLMRobertaTokenizer"},
                                        {"bert", read_bert, "BertTokenizer"},
                                        {"distilbert", read_distilbert, "BertTokenizer"},
                                        {"roberta", read_xlm_roberta, "RobertaTokenizer"},
                                        {"camembert", read_xlm_roberta, "CamembertTokenizer"},
                                        {"mpnet", read_mpnet, "MPNetTokenizer"}}};

const Entry* find_entry(std::string_view model_type) {
  const auto* const found = std::ranges::find(entries, model_type, &Entry::model_type);
  return found == entries.end() ? nullptr : found;
}

// What add_family() has added.
class AddedFamilies {
 public:
  [[nodiscard]] std::optional<Family> find(std::string_view model_type) const {
    const std::scoped_lock lock(mutex_);
    const auto found = std::ranges::find(families_, model_type, &Family::model_type);
    return found == families_.end() ? std::nullopt : std::optional(*found);
  }

  // False where one of that model_type is there already.
  bool add(Family family) {
    const std::scoped_lock lock(mutex_);
    if (std::ranges::find(families_, family.model_type, &Family::model_type) != families_.end()) return false;
    families_.push_back(std::move(family));
    return true;
  }

  [[nodiscard]] std::vector<Family> all() const {
    const std::scoped_lock lock(mutex_);
    return families_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Family> families_;
};

AddedFamilies& added_families() {
  static AddedFamilies all;
  return all;
}

}  // namespace

decltype(Family::read) find_read(std::string_view model_type) {
  if (const auto* own = find_entry(model_type)) return own->read;
  const auto added = find_added_family(model_type);
  return added ? added->read : nullptr;
}

const char* tokenizer_class_of(std::string_view model_type) {
  if (const auto* own = find_entry(model_type)) return own->tokenizer_class;
  const auto added = find_added_family(model_type);
  return added ? added->tokenizer_class : nullptr;
}

std::optional<Family> find_added_family(std::string_view model_type) { return added_families().find(model_type); }

void add_family(Family family) {
  const std::string name = family.model_type;
  const bool is_whole = !name.empty() && family.read != nullptr && family.bind != nullptr;
  if (is_whole && find_entry(name) == nullptr && added_families().add(std::move(family))) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("expected a new model_type with read and bind, found {}, families so far: {}",
                          detail::in_quotes(name), known_families()));
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const auto& entry : entries) names.emplace_back(entry.model_type);
  for (const auto& family : added_families().all()) names.push_back(family.model_type);
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
