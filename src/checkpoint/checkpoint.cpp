#include "bgem3/tensors/checkpoint.h"

#include <algorithm>
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

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/torch_legacy.h"
#include "checkpoint/torch_zip.h"
#include "checkpoint/weight_index.h"
#include "file/mapped_file.h"
#include "file/open_file.h"
#include "file/other_file.h"

namespace bgem3 {
namespace {

using detail::in_one_line;
using detail::in_quotes;

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
  TensorMaker(std::shared_ptr<const MappedFile> file, WeightMemory memory) : file_(std::move(file)), memory_(memory) {}

  // A tensor over the mapping, which it keeps alive. Only views and data that is not aligned to its elements are
  // copied, unless all is.
  at::Tensor make(const TensorRecord& record) {
    if (memory_ == WeightMemory::copied || !record.strides.empty() || record.offset % element_size(record.type) != 0)
      return copy(record);
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
  const WeightMemory memory_;
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
  throw Error(ErrorCode::bad_model, fmt::format("{}: {}", in_quotes(index), what));
}

constexpr std::size_t index_bytes_max = 64 << 20;  // a hundred for each tensor

WeightMap read_index(const fs::path& index) {
  const std::string text = read_text_file(index, index_bytes_max);
  try {
    return read_weight_index(text);
  } catch (const Error& error) {
    bad_index(index, error.what());
  }
}

// Every shard and tensor that the index promises and that is not there, in one error.
void check_shards(const fs::path& index, const WeightMap& weight_map, const Tensors& tensors,
                  const std::set<std::string>& missing_files) {
  detail::ShortList problems("\n  ");
  for (const auto& file : missing_files) problems.add("missing file: " + in_one_line(file));
  for (const auto& [name, file] : weight_map) {
    if (missing_files.contains(file) || tensors.contains(name)) continue;
    if (problems.is_full()) {
      problems.add_unseen(1);
    } else {
      problems.add(fmt::format("missing tensor: {} (expected in {})", in_one_line(name), in_one_line(file)));
    }
  }
  if (problems.count() > 0) bad_index(index, "the shards are not complete:\n  " + problems.text());
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

// Errors name the file. What is copied goes from the front to the end, so that not much is there twice.
void Checkpoint::add_file(const fs::path& path, WeightMemory memory) {
  const bool is_mapped = memory == WeightMemory::mapped;
  const auto file = is_mapped ? MappedFile::open(path) : MappedFile::read(path);
  try {
    auto records = is_safetensors(path) ? read_safetensors(file->bytes()) : read_torch_file(file);
    std::ranges::sort(records, {}, &TensorRecord::offset);
    TensorMaker tensors(file, memory);
    for (const auto& record : records) {
      file->forget_before(record.offset);
      if (!tensors_.emplace(record.name, tensors.make(record)).second) {
        throw Error(ErrorCode::bad_model, fmt::format("tensor {} occurs twice", in_quotes(record.name)));
      }
    }
  } catch (const Error& error) {
    file->expect_unchanged();
    const auto* begin = reinterpret_cast<const char*>(file->bytes().data());
    const std::string instead = describe_other_file({begin, file->bytes().size()});
    throw Error(error.code(), fmt::format("{}: {}", in_quotes(path), instead.empty() ? error.what() : instead));
  }
  file->expect_unchanged();
  if (is_mapped) mappings_.push_back(file);
  files_.push_back(path);
}

void Checkpoint::expect_unchanged() const {
  for (const auto& mapping : mappings_) mapping->expect_unchanged();
}

Checkpoint Checkpoint::open(const fs::path& file, WeightMemory memory) {
  Checkpoint checkpoint;
  if (!file.filename().string().ends_with(".index.json")) {
    checkpoint.add_file(file, memory);
    return checkpoint;
  }
  const auto weight_map = read_index(file);
  std::set<std::string> shards;
  std::set<std::string> missing;
  for (const auto& [name, shard] : weight_map) shards.insert(shard);
  for (const auto& shard : shards) {
    const fs::path path = file.parent_path() / shard;
    if (!is_there(path)) {
      missing.insert(shard);
      continue;
    }
    checkpoint.add_file(path, memory);
  }
  check_shards(file, weight_map, checkpoint.tensors_, missing);
  return checkpoint;
}

Checkpoint Checkpoint::open_directory(const fs::path& directory, WeightMemory memory) {
  static constexpr const char* names[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                          "pytorch_model.bin.index.json"};
  for (const char* name : names) {
    if (is_there(directory / name)) return open(directory / name, memory);
  }
  throw Error(ErrorCode::bad_model,
              fmt::format("{} has no weights; expected one of {}, {}, {}, {}{}", in_quotes(directory), names[0],
                          names[1], names[2], names[3], found_instead(directory)));
}

}  // namespace bgem3
