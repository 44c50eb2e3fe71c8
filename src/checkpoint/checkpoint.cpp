#include "bgem3/checkpoint.h"

#include <cstring>
#include <set>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include "bgem3/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_legacy.h"
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

// Makes the tensors of one file.
class TensorMaker {
 public:
  explicit TensorMaker(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}

  // A tensor over the mapping, which it keeps alive. Only views and data that is not aligned to its elements are
  // copied.
  at::Tensor make(const TensorRecord& record) {
    if (!record.strides.empty() || record.offset % element_size(record.type) != 0) return copy(record);
    const auto keep_mapping = [file = file_](void*) {};
    return at::from_blob(data(record), record.shape, keep_mapping, scalar_type(record.type));
  }

 private:
  using Place = std::tuple<std::size_t, ElementType, std::vector<std::int64_t>, std::vector<std::int64_t>>;

  [[nodiscard]] std::byte* data(const TensorRecord& record) const {
    return const_cast<std::byte*>(file_->bytes().data()) + record.offset;
  }

  // Names that share a tensor share its copy, too.
  at::Tensor copy(const TensorRecord& record) {
    auto& copy = copies_[Place(record.offset, record.type, record.shape, record.strides)];
    if (!copy.defined()) {
      check_room(record);
      copy = record.strides.empty() ? copy_whole(record) : copy_view(record);
    }
    return copy;
  }

  // Of a file that says of the same bytes, again and again, that they are yet another tensor.
  void check_room(const TensorRecord& record) {
    constexpr std::size_t times_max = 4;
    copied_ += *count_bytes(record.type, record.shape);
    if (copied_ / times_max > file_->bytes().size()) {
      throw Error(ErrorCode::bad_model, fmt::format("its tensors overlap: copies of them would take more than {} times "
                                                    "the size of the file; save them with safetensors",
                                                    times_max));
    }
  }

  [[nodiscard]] at::Tensor copy_whole(const TensorRecord& record) const {
    at::Tensor copy = at::empty(record.shape, scalar_type(record.type));
    if (copy.nbytes() > 0) std::memcpy(copy.mutable_data_ptr(), data(record), copy.nbytes());  // empty: no pointer
    return copy;
  }

  [[nodiscard]] at::Tensor copy_view(const TensorRecord& record) const {
    const at::ScalarType type = scalar_type(record.type);
    const auto width = static_cast<std::int64_t>(element_size(record.type));
    if (record.offset % element_size(record.type) == 0) {
      return at::from_blob(data(record), record.shape, record.strides, type).contiguous();
    }
    // Byte by byte, which need no alignment.
    auto shape = record.shape;
    auto strides = record.strides;
    for (std::size_t i = 0; i < shape.size(); ++i) strides[i] = shape[i] == 1 ? 0 : strides[i] * width;
    shape.push_back(width);
    strides.push_back(1);
    return at::from_blob(data(record), shape, strides, at::kByte).contiguous().view(type).view(record.shape);
  }

  std::shared_ptr<const MappedFile> file_;
  std::map<Place, at::Tensor> copies_;
  std::size_t copied_ = 0;
};

bool is_safetensors(const fs::path& file) { return file.extension() == ".safetensors"; }

// As the first versions of torch wrote them.
bool is_tar(std::span<const std::byte> bytes) {
  constexpr std::string_view signature = "ustar";
  constexpr std::size_t begin = 257;
  return bytes.size() >= begin + signature.size() &&
         std::memcmp(bytes.data() + begin, signature.data(), signature.size()) == 0;
}

// Which of its formats torch.save has used, by how the file begins.
std::vector<TensorRecord> read_torch_file(const std::shared_ptr<const MappedFile>& file) {
  const auto bytes = file->bytes();
  if (is_torch_zip(bytes)) return read_torch_zip(file);
  if (is_torch_legacy(bytes)) return read_torch_legacy(bytes);
  const char* found = is_tar(bytes) ? "a tar archive, as torch wrote before 0.4, is not read"
                                    : "expected a file of torch.save, which begins with 'PK' or the byte 0x80";
  throw Error(ErrorCode::bad_model,
              fmt::format("{}; load it in Python and save it again with torch.save or safetensors", found));
}

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
  static constexpr const char* others[] = {"model.onnx",  "onnx/model.onnx",    "openvino_model.xml",
                                           "tf_model.h5", "flax_model.msgpack", "model.safetensors.incomplete",
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
    const auto records = is_safetensors(path) ? read_safetensors(file->bytes()) : read_torch_file(file);
    TensorMaker tensors(file);
    for (const auto& record : records) {
      if (!tensors_.emplace(record.name, tensors.make(record)).second) {
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
