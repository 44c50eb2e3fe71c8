#include "checkpoint/torch_zip.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <c10/util/Exception.h>
#include <caffe2/serialize/inline_container.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "checkpoint/pickle.h"
#include "checkpoint/state_dict.h"
#include "checkpoint/torch_tensors.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

using Bytes = std::span<const std::byte>;

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorCode::bad_model, "torch zip: " + what); }

// Lets LibTorch's zip reader work on the mapping, so that the file is opened and read once.
class MappedSource : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MappedSource(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}

  [[nodiscard]] std::size_t size() const override { return file_->bytes().size(); }

  std::size_t read(std::uint64_t position, void* buffer, std::size_t count, const char* /*what*/) const override {
    if (position >= size()) return 0;
    const auto taken = std::min<std::size_t>(count, size() - static_cast<std::size_t>(position));
    std::memcpy(buffer, file_->bytes().data() + position, taken);
    return taken;
  }

 private:
  std::shared_ptr<const MappedFile> file_;
};

std::uint64_t read_number(Bytes bytes, std::size_t at, std::size_t width) {
  if (width > bytes.size() || at > bytes.size() - width) bad("its directory lies beyond the file; it is cut off");
  std::uint64_t number = 0;
  for (std::size_t i = width; i-- > 0;) number = number << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
  return number;
}

bool has_signature(Bytes bytes, std::size_t at, std::string_view signature) {
  return bytes.size() >= signature.size() && at <= bytes.size() - signature.size() &&
         std::memcmp(bytes.data() + at, signature.data(), signature.size()) == 0;
}

// Where the directory begins, of an archive that says so in 64 bits. Readers that look at the 32 bits alone have to
// find the same one, or what is checked would not be what is read.
std::size_t find_directory_64(Bytes file, std::size_t locator, std::size_t directory_32) {
  constexpr std::size_t too_large = 0xFFFFFFFF;
  const std::size_t end_64 = read_number(file, locator + 8, 8);
  if (!has_signature(file, end_64, "PK\x06\x06")) bad("the end of its directory is not where it should be");
  const std::size_t directory = read_number(file, end_64 + 48, 8);
  if (directory_32 != too_large && directory_32 != directory) bad("its directory is said to be at two places");
  return directory;
}

// Where the directory of an archive begins: said at its end.
std::size_t find_directory(Bytes file) {
  constexpr std::size_t end_bytes = 22, comment_bytes_max = 0xFFFF, locator_bytes = 20;
  for (std::size_t back = end_bytes; back <= std::min(file.size(), end_bytes + comment_bytes_max); ++back) {
    const std::size_t end = file.size() - back;
    if (!has_signature(file, end, "PK\x05\x06")) continue;
    const std::size_t directory = read_number(file, end + 16, 4);
    const bool has_locator = end >= locator_bytes && has_signature(file, end - locator_bytes, "PK\x06\x07");
    return has_locator ? find_directory_64(file, end - locator_bytes, directory) : directory;
  }
  bad("it has no directory; it is cut off");
}

// LibTorch's reader inflates what is compressed, into as much memory as the archive wishes. torch.save compresses
// nothing.
void check_is_stored(Bytes file) {
  constexpr std::size_t entry_bytes = 46;
  for (std::size_t at = find_directory(file); has_signature(file, at, "PK\x01\x02");) {
    const std::size_t name_bytes = read_number(file, at + 28, 2);
    if (read_number(file, at + 10, 2) != 0) {
      (void)read_number(file, at + entry_bytes + name_bytes, 0);  // that the name is there
      const std::string_view name(reinterpret_cast<const char*>(file.data()) + at + entry_bytes, name_bytes);
      bad(fmt::format("record {} is compressed; expected an archive as torch.save writes it", in_quotes(name)));
    }
    at += entry_bytes + name_bytes + read_number(file, at + 30, 2) + read_number(file, at + 32, 2);
  }
}

class Archive {
 public:
  explicit Archive(const std::shared_ptr<const MappedFile>& file)
      : bytes_(file->bytes()), reader_(std::make_shared<MappedSource>(file)) {}

  // The bytes of a record, in place.
  [[nodiscard]] Bytes record(const std::string& name) {
    if (!reader_.hasRecord(name)) bad(fmt::format("record {} is missing", in_quotes(name)));
    const std::size_t begin = reader_.getRecordOffset(name);
    const std::size_t size = reader_.getRecordSize(name);
    if (begin > bytes_.size() || size > bytes_.size() - begin) {
      bad(fmt::format("record {} ends beyond the file; it is cut off", in_quotes(name)));
    }
    return bytes_.subspan(begin, size);
  }

  void check_byte_order() {
    if (!reader_.hasRecord("byteorder")) return;  // torch before 2.1 did not write it
    const Bytes order = record("byteorder");
    const std::string_view text(reinterpret_cast<const char*>(order.data()), order.size());
    if (text != "little") bad(fmt::format("byte order {}; expected 'little'", in_quotes(text)));
  }

  [[nodiscard]] std::size_t offset_of(Bytes part) const {
    return static_cast<std::size_t>(part.data() - bytes_.data());
  }

 private:
  Bytes bytes_;
  caffe2::serialize::PyTorchStreamReader reader_;
};

std::vector<TensorRecord> read_records(const std::shared_ptr<const MappedFile>& file) {
  Archive archive(file);
  archive.check_byte_order();
  std::map<std::string, Bytes> storages;
  std::vector<TensorRecord> records;
  for (const auto& tensor : pickled_tensors(detail::read_pickle(archive.record("data.pkl")))) {
    const std::string& key = tensor.storage.key;
    auto found = storages.find(key);
    if (found == storages.end()) found = storages.emplace(key, archive.record("data/" + key)).first;
    records.push_back(locate(tensor, archive.offset_of(found->second), found->second.size()));
  }
  return records;
}

}  // namespace

bool is_torch_zip(std::span<const std::byte> bytes) { return has_signature(bytes, 0, "PK"); }

std::vector<TensorRecord> read_torch_zip(const std::shared_ptr<const MappedFile>& file) {
  const Bytes bytes = file->bytes();
  if (!is_torch_zip(bytes)) bad("not a zip archive");
  check_is_stored(bytes);
  try {
    return read_records(file);
  } catch (const c10::Error& error) {
    bad(fmt::format("damaged archive: {}", error.what_without_backtrace()));
  } catch (const std::logic_error& error) {  // of a number in it that is none
    bad(fmt::format("damaged archive: {}", error.what()));
  }
}

}  // namespace bgem3
