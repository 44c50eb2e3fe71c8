#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/tensor_record.h"

namespace bgem3::detail {

/// What can lie on the stack of a pickle. Values refer to each other by pointers into a PickleHeap, so that hostile
/// depth, sharing and cycles cost nothing and are never followed.
struct PickleValue {
  enum class Kind { none, boolean, integer, long_integer, real, text, tuple, list, dict, global, storage, tensor };

  Kind kind = Kind::none;
  std::int64_t integer = 0;               // boolean, integer
  std::string_view text;                  // text; global: "module name"; long_integer: its bytes, the lowest first
  std::vector<const PickleValue*> items;  // tuple, list; dict: key, value, key, value …; storage, tensor: arguments
};

constexpr std::string_view to_string(PickleValue::Kind kind) noexcept {
  using Kind = PickleValue::Kind;
  switch (kind) {
    case Kind::none: return "None";
    case Kind::boolean: return "a bool";
    case Kind::integer: return "an int";
    case Kind::long_integer: return "an int of more than 64 bits";
    case Kind::real: return "a float";
    case Kind::text: return "a string";
    case Kind::tuple: return "a tuple";
    case Kind::list: return "a list";
    case Kind::dict: return "a dict";
    case Kind::global: return "a function or class";
    case Kind::storage: return "a storage";
    case Kind::tensor: return "a tensor";
  }
  return "unknown";
}

/// The type of the elements of a storage class, given as "module name".
inline std::optional<ElementType> storage_type(std::string_view global) {
  static constexpr std::pair<std::string_view, ElementType> types[] = {
      {"torch FloatStorage", ElementType::f32},     {"torch HalfStorage", ElementType::f16},
      {"torch BFloat16Storage", ElementType::bf16}, {"torch DoubleStorage", ElementType::f64},
      {"torch LongStorage", ElementType::i64},      {"torch IntStorage", ElementType::i32},
      {"torch ShortStorage", ElementType::i16},     {"torch CharStorage", ElementType::i8},
      {"torch ByteStorage", ElementType::u8},       {"torch BoolStorage", ElementType::boolean}};
  for (const auto& [name, type] : types) {
    if (global == name) return type;
  }
  return std::nullopt;
}

/// Owns all values of one pickle; their addresses stay.
class PickleHeap {
 public:
  PickleValue* make(PickleValue::Kind kind) {
    values_.emplace_back().kind = kind;
    return &values_.back();
  }

  /// A copy of bytes that are not part of the pickle itself.
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

 private:
  std::deque<PickleValue> values_;
  std::deque<std::string> texts_;
};

}  // namespace bgem3::detail
