#include "cli/model_identity.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "cli/checksum.h"
#include "file/open_file.h"

namespace bgem3::cli {
namespace {

namespace fs = std::filesystem;

struct Piece {
  std::uint64_t begin;
  std::uint64_t size;
};

// What is read of a file.
std::vector<Piece> pieces_of(std::uint64_t size) {
  constexpr std::uint64_t whole_max = 16 << 20, end_bytes = 1 << 20, piece_bytes = 4096, count = 2048;
  if (size <= whole_max) return {{0, size}};
  std::vector<Piece> pieces = {{0, end_bytes}};
  const std::uint64_t step = (size - 2 * end_bytes) / count;
  for (std::uint64_t i = 0; i < count; ++i) {
    pieces.push_back({(end_bytes + i * step) / piece_bytes * piece_bytes, piece_bytes});
  }
  pieces.push_back({size - end_bytes, end_bytes});
  return pieces;
}

// The disk may fetch all pieces together.
void announce(const OpenFile& file, const std::vector<Piece>& pieces) {
  for (const Piece& piece : pieces) {
    ::posix_fadvise(file.descriptor(), static_cast<off_t>(piece.begin), static_cast<off_t>(piece.size),
                    POSIX_FADV_WILLNEED);
  }
}

// 0, or the system's number of what went wrong.
int read_piece(const OpenFile& file, const Piece& piece, std::string& bytes) {
  bytes.resize(piece.size);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count =
        ::pread(file.descriptor(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(piece.begin + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : EIO;
    done += static_cast<std::size_t>(count);
  }
  return 0;
}

void add_file(const fs::path& path, Checksum& checksum) {
  const OpenFile file(path);
  checksum.add_sized(path.filename().string());
  checksum.add_sized(fmt::to_string(file.size()));
  const auto pieces = pieces_of(file.size());
  announce(file, pieces);
  std::string bytes;
  for (const Piece& piece : pieces) {
    if (const int error = read_piece(file, piece, bytes); error != 0) {
      throw Error(ErrorCode::io_error, fmt::format("{} cannot be read: {}", detail::in_quotes(path),
                                                   std::generic_category().message(error)));
    }
    checksum.add(bytes);
  }
}

// Of those that are there, once each.
void add_files(const fs::path& folder, std::initializer_list<const char*> names, std::vector<fs::path>& files) {
  std::error_code none_such;
  for (const char* name : names) {
    const fs::path path = folder / name;
    const bool is_known = std::ranges::find(files, path) != files.end();
    if (!is_known && fs::is_regular_file(path, none_such)) files.push_back(path);
  }
}

// What the other files of a directory say is told by ModelConfig, and compared as such.
std::vector<fs::path> files_of(const ModelInfo& info) {
  std::vector<fs::path> files;
  const fs::path encoder = info.config.encoder_directory(info.directory);
  add_files(encoder, {"config.json", "adapter_config.json"}, files);
  if (info.config.adapter) add_files(info.config.adapter->base, {"config.json"}, files);
  add_files(info.tokenizer_file.parent_path(),
            {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}, files);
  for (const DenseLayer& layer : info.config.dense) {
    add_files(info.directory / layer.folder, {"config.json", "model.safetensors", "pytorch_model.bin"}, files);
  }
  std::vector<fs::path> others = info.weight_files;
  for (const fs::path& file : {info.tokenizer_file, info.sparse_file, info.colbert_file}) others.push_back(file);
  for (const fs::path& file : others) {
    if (!file.empty() && std::ranges::find(files, file) == files.end()) files.push_back(file);
  }
  return files;
}

}  // namespace

std::string model_identity(const ModelInfo& info) {
  Checksum checksum;
  for (const fs::path& file : files_of(info)) add_file(file, checksum);
  return fmt::format("{:016x}", checksum.value());
}

}  // namespace bgem3::cli
