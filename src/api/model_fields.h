#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bgem3/bgem3.h"

namespace bgem3 {

/// The value of a field; std::monostate where the model has none.
using FieldValue =
    std::variant<std::monostate, bool, std::int64_t, std::string, std::filesystem::path, std::vector<std::string>,
                 std::vector<std::filesystem::path>, std::map<std::string, std::string>>;

/// What is told of a model, by every front end under the same name.
struct ModelField {
  std::string_view name;
  FieldValue value;
  std::optional<ModelKind> only_of;  ///< the kind of model that it says something about; unset: both
};

/// All fields, in the order to show them.
std::vector<ModelField> describe_model(const ModelInfo& info);

/// The value of a field of that name, which has to be there.
const FieldValue& value_of(const std::vector<ModelField>& fields, std::string_view name);

}  // namespace bgem3
