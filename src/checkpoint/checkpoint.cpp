#include "bgem3/checkpoint.h"

#include <cstring>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include "bgem3/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_zip.h"
#include "file/json.h"
#include "file/mapped_file.h"
#include "file/other_file.h"

namespace bgem3 {
namespace {

namespace fs = std::filesystem;
using Tensors = std::map<std::string, at::Tensor>;

at::ScalarType scalar_type(ElementType type) {
  switch (type) {
    case ElementType::f64: return at::kDouble;
    case ElementType::f32: return at::kFloat;
    case ElementType::f16: return at::kHalf;
    case ElementType::bf16: return at::kBFloat16;
    case ElementType::i64: return at::kLong;
    case ElementType::i32: return at::kInt;
    case ElementType::i16: return at::kShort;
    case ElementType::i8: return at::kChar;
    case ElementType::u8: return at::kByte;
    case ElementType::boolean: return at::kBool;
  }
  return at::kFloat;
}

// A tensor over the mapping, which it keeps alive. Only views and data that is not aligned to its elements are copied.
at::Tensor make_tensor(const std::shared_ptr<const MappedFile>& file, const TensorRecord& record) {
  const std::byte* data = file->bytes().data() + record.offset;
  const at::ScalarType type = scalar_type(record.type);
  if (!record.strides.empty()) {
    if (record.offset % element_size(record.type) != 0) {
      throw Error(ErrorCode::bad_model, fmt::format("tensor '{}' is a view of data that is not aligned", record.name));
    }
    return at::from_blob(const_cast<std::byte*>(data), record.shape, record.strides, type).contiguous();
  }
  if (record.offset % element_size(record.type) != 0) {
    at::Tensor copy = at::empty(record.shape, type);
    std::memcpy(copy.mutable_data_ptr(), data, copy.nbytes());
    return copy;
  }
  const auto keep_mapping = [file](void*) {};
  return at::from_blob(const_cast<std::byte*>(data), record.shape, keep_mapping, type);
}

bool is_safetensors(const fs::path& file) { return file.extension() == ".safetensors"; }

[[noreturn]] void bad_index(const fs::path& index, const std::string& what) {
  throw Error(ErrorCode::bad_model, fmt::format("'{}': {}", index.string(), what));
}

// A shard lies beside its index. A name that leads elsewhere is not followed.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

constexpr std::size_t index_bytes_max = 64 << 20;  // a hundred for each tensor

// {"weight_map": {tensor name: file name}} as name → file.
std::map<std::string, std::string> read_index(const fs::path& index) {
  const auto document = parse_json(read_text_file(index, index_bytes_max));
  if (!document.fault.empty()) bad_index(index, document.fault);
  const auto& json = document.value;
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) {
    bad_index(index, "expected a JSON object with 'weight_map'");
  }
  std::map<std::string, std::string> files;
  for (const auto& [name, file] : json["weight_map"].items()) {
    if (!file.is_string() || !is_plain_name(file.get<std::string>())) {
      bad_index(index, fmt::format("tensor '{}': expected the name of a file beside the index, found {}", name,
                                   file.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
    }
    files.emplace(name, file.get<std::string>());
  }
  return files;
}

// Every shard and tensor that the index promises and that is not there, in one error.
void check_shards(const fs::path& index, const std::map<std::string, std::string>& weight_map, const Tensors& tensors,
                  const std::set<std::string>& missing_files) {
  std::string problems;
  for (const auto& file : missing_files) problems += fmt::format("\n  missing file: {}", file);
  for (const auto& [name, file] : weight_map) {
    if (!missing_files.contains(file) && !tensors.contains(name)) {
      problems += fmt::format("\n  missing tensor: {} (expected in {})", name, file);
    }
  }
  if (!problems.empty()) bad_index(index, "the shards are not complete:" + problems);
}

// Weights of other programs, for the message that there are none of ours.
std::string found_instead(const fs::path& directory) {
  static constexpr const char* others[] = {"model.onnx",
                                           "onnx/model.onnx",
                                           "openvino_model.xml",
                                           "tf_model.h5",
                                           "flax_model.msgpack",
                                           "model.safetensors.incomplete",
                                           "model.ckpt"};
  std::string names;
  for (const char* name : others) {
    std::error_code ignored;
    if (fs::exists(directory / name, ignored)) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  }
  return names.empty() ? "" : fmt::format("; found {}, which is not read", names);
}

}  // namespace

// Errors name the file.
void Checkpoint::add_file(const fs::path& path) {
  const auto file = MappedFile::open(path);
  try {
    const auto records = is_safetensors(path) ? read_safetensors(file->bytes()) : read_torch_zip(file);
    for (const auto& record : records) {
      if (!tensors_.emplace(record.name, make_tensor(file, record)).second) {
        throw Error(ErrorCode::bad_model, fmt::format("tensor '{}' occurs twice", record.name));
      }
    }
  } catch (const Error& error) {
    const auto* begin = reinterpret_cast<const char*>(file->bytes().data());
    const std::string instead = describe_other_file({begin, file->bytes().size()});
    throw Error(error.code(), fmt::format("'{}': {}", path.string(), instead.empty() ? error.what() : instead));
  }
  mappings_.push_back(file);
  files_.push_back(path);
}

void Checkpoint::release_pages() const noexcept {
  for (const auto& mapping : mappings_) mapping->release_pages();
}

Checkpoint Checkpoint::open(const fs::path& file) {
  Checkpoint checkpoint;
  if (!file.filename().string().ends_with(".index.json")) {
    checkpoint.add_file(file);
    return checkpoint;
  }
  const auto weight_map = read_index(file);
  std::set<std::string> shards;
  std::set<std::string> missing;
  for (const auto& [name, shard] : weight_map) shards.insert(shard);
  for (const auto& shard : shards) {
    const fs::path path = file.parent_path() / shard;
    std::error_code unreadable;  // opening it will tell
    if (!fs::exists(path, unreadable) && !unreadable) {
      missing.insert(shard);
      continue;
    }
    checkpoint.add_file(path);
  }
  check_shards(file, weight_map, checkpoint.tensors_, missing);
  return checkpoint;
}

Checkpoint Checkpoint::open_directory(const fs::path& directory) {
  static constexpr const char* names[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                          "pytorch_model.bin.index.json"};
  for (const char* name : names) {
    std::error_code error;
    const bool found = fs::exists(directory / name, error);
    if (error) {
      throw Error(ErrorCode::io_error,
                  fmt::format("'{}' cannot be read: {}", (directory / name).string(), error.message()));
    }
    if (found) return open(directory / name);
  }
  throw Error(ErrorCode::bad_model,
              fmt::format("'{}' has no weights; expected one of {}, {}, {}, {}{}", directory.string(), names[0],
                          names[1], names[2], names[3], found_instead(directory)));
}

}  // namespace bgem3
