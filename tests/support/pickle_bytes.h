#pragma once

#include <string>

namespace bgem3::test {

/// Opcodes of a pickle, put together as torch.save does.
inline const std::string pickle_begin = "\x80\x02";
inline const std::string pickle_end = ".";

inline std::string pickle_text(const std::string& text) {
  return std::string("X") + static_cast<char>(text.size()) + std::string(3, '\0') + text;
}

inline std::string pickle_int(int value) { return std::string("K") + static_cast<char>(value); }

inline std::string pickle_global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

/// A contiguous tensor of `elements` floats [elements] over storage `key`.
inline std::string pickle_tensor(const std::string& key, int elements, int offset = 0, int stride = 1) {
  const std::string storage = "(" + pickle_text("storage") + pickle_global("torch", "FloatStorage") + pickle_text(key) +
                              pickle_text("cpu") + pickle_int(elements) + "tQ";
  return pickle_global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + pickle_int(offset) +
         pickle_int(elements) + "\x85" + pickle_int(stride) + "\x85\x89" + pickle_global("collections", "OrderedDict") +
         ")RtR";
}

/// {name: value} with `value` given as opcodes.
inline std::string pickle_dict(const std::string& name, const std::string& value) {
  return "}(" + pickle_text(name) + value + "u";
}

}  // namespace bgem3::test
