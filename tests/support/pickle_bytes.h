#pragma once

#include <string>

namespace bgem3::test {

/// Opcodes of a pickle, put together as torch.save does.
inline const std::string pickle_begin = "\x80\x02";
inline const std::string pickle_end = ".";

inline std::string pickle_text(const std::string& text) {
  std::string length;
  for (int i = 0; i < 4; ++i) length += static_cast<char>(text.size() >> (8 * i) & 0xff);
  return "X" + length + text;
}

/// From 0 to 65535.
inline std::string pickle_int(int value) {
  const std::string low(1, static_cast<char>(value & 0xff));
  return value < 256 ? "K" + low : "M" + low + static_cast<char>(value >> 8);
}

inline std::string pickle_global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

/// Storage `key`, with what old files say of it beside that.
inline std::string pickle_storage(const std::string& key, int elements, const std::string& view = "",
                                  const std::string& type = "FloatStorage") {
  return "(" + pickle_text("storage") + pickle_global("torch", type) + pickle_text(key) + pickle_text("cpu") +
         pickle_int(elements) + view + "tQ";
}

/// A tensor of `elements` floats [elements] over a storage given as opcodes.
inline std::string pickle_tensor_of(const std::string& storage, int elements, int offset = 0, int stride = 1) {
  return pickle_global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + pickle_int(offset) +
         pickle_int(elements) + "\x85" + pickle_int(stride) + "\x85\x89" + pickle_global("collections", "OrderedDict") +
         ")RtR";
}

/// A tensor of `elements` floats [elements] over storage `key`.
inline std::string pickle_tensor(const std::string& key, int elements, int offset = 0, int stride = 1) {
  return pickle_tensor_of(pickle_storage(key, elements), elements, offset, stride);
}

/// {name: value} with `value` given as opcodes.
inline std::string pickle_dict(const std::string& name, const std::string& value) {
  return "}(" + pickle_text(name) + value + "u";
}

}  // namespace bgem3::test
