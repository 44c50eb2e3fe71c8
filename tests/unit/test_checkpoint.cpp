#include "support/doctest_torch.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <ATen/ops/equal.h>
#include <caffe2/serialize/inline_container.h>

#include "bgem3/tensors/checkpoint.h"
#include "support/deep_json.h"
#include "support/drop_privileges.h"
#include "support/expect_error.h"
#include "support/pickle_bytes.h"
#include "support/safetensors_bytes.h"
#include "support/temp_dir.h"

using namespace bgem3;
using namespace bgem3::test;
namespace fs = std::filesystem;

namespace {

const float numbers[] = {1.5F, -2, 3, 4, 5, 6};

// An archive as torch.save writes it, with the given pickle and one storage "0".
fs::path write_zip(const fs::path& file, const std::string& pickle, const std::string& byte_order = "little",
                   std::size_t storage_bytes = sizeof numbers) {
  caffe2::serialize::PyTorchStreamWriter writer(file.string());
  const std::string program = pickle_begin + pickle + pickle_end;
  writer.writeRecord("data.pkl", program.data(), program.size());
  writer.writeRecord("byteorder", byte_order.data(), byte_order.size());
  writer.writeRecord("data/0", numbers, storage_bytes);
  writer.writeEndOfFile();
  return file;
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string bad(const fs::path& file, ErrorCode code = ErrorCode::bad_model) {
  const auto message = expect_error(code, [&] { Checkpoint::open(file); });
  CHECK(contains(message, file.filename().string()));
  return message;
}

std::string one_tensor(const std::string& name) {
  return safetensors_bytes("{\"" + name + R"(": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}})", 24);
}

}  // namespace

TEST_CASE("tensors of a safetensors file lie in its mapping and outlive the checkpoint") {
  const TempDir dir;
  // 8 + 72 bytes of header: the data is aligned.
  std::string header = R"({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}})";
  header.resize(72, ' ');
  const auto file = dir.write("model.safetensors", safetensors_bytes(header, 24));
  at::Tensor tensor;
  {
    const Checkpoint checkpoint = Checkpoint::open(file);
    tensor = checkpoint.tensors().at("w");
    CHECK(checkpoint.files().front() == file);
  }
  CHECK((tensor.sizes() == at::IntArrayRef({2, 3})));
  CHECK((tensor.scalar_type() == at::kFloat));
  CHECK(std::memcmp(tensor.const_data_ptr(), "\0\1\2\3\4\5\6\7", 8) == 0);
  // A page boundary plus the header: mapped, not copied.
  CHECK(reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % 4096 == 80);
}

TEST_CASE("data that is not aligned to its elements is copied") {
  const TempDir dir;
  std::string header = R"({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}})";
  header.resize(73, ' ');
  const auto checkpoint = Checkpoint::open(dir.write("model.safetensors", safetensors_bytes(header, 24)));
  const auto& tensor = checkpoint.tensors().at("w");
  CHECK(reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % 4 == 0);
  CHECK(std::memcmp(tensor.const_data_ptr(), "\0\1\2\3\4\5\6\7", 8) == 0);
}

TEST_CASE("a torch zip gives the tensor that was saved") {
  const TempDir dir;
  const auto file = write_zip(dir.path() / "pytorch_model.bin", pickle_dict("w", pickle_tensor("0", 4, 2)));
  const auto checkpoint = Checkpoint::open_directory(dir.path());
  const auto& tensor = checkpoint.tensors().at("w");
  CHECK(tensor.numel() == 4);
  CHECK(tensor[0].item<float>() == 3);
  CHECK(tensor[3].item<float>() == 6);
}

TEST_CASE("safetensors come before torch zips, whole files before shards") {
  const TempDir dir;
  write_zip(dir.path() / "pytorch_model.bin", pickle_dict("zip", pickle_tensor("0", 4)));
  dir.write("model.safetensors", one_tensor("safe"));
  CHECK(Checkpoint::open_directory(dir.path()).tensors().contains("safe"));
}

TEST_CASE("shards are put together by their index") {
  const TempDir dir;
  dir.write("a.safetensors", one_tensor("a"));
  dir.write("b.safetensors", one_tensor("b"));
  dir.write("model.safetensors.index.json", R"({"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}})");
  const auto checkpoint = Checkpoint::open_directory(dir.path());
  CHECK(checkpoint.tensors().size() == 2);
  CHECK(checkpoint.files().size() == 2);
}

TEST_CASE("all missing shards and tensors are listed in one error") {
  const TempDir dir;
  dir.write("a.safetensors", one_tensor("a"));
  const auto index = dir.write("model.safetensors.index.json",
                               R"({"weight_map": {"a": "a.safetensors", "a2": "a.safetensors", "b": "b.safetensors",
                                                  "c": "c.safetensors"}})");
  const auto message = bad(index);
  CHECK(contains(message, "missing file: b.safetensors"));
  CHECK(contains(message, "missing file: c.safetensors"));
  CHECK(contains(message, "missing tensor: a2"));
}

TEST_CASE("an index does not lead out of its directory") {
  const TempDir dir;
  for (const char* name : {"../a.safetensors", "/etc/passwd", "..", "x/y.safetensors", ""}) {
    const auto index =
        dir.write("model.safetensors.index.json", std::string(R"({"weight_map": {"a": ")") + name + "\"}}");
    CHECK(contains(bad(index), "beside the index"));
  }
  CHECK(contains(bad(dir.write("model.safetensors.index.json", "{")), "is not valid JSON"));
  const std::string deep = "{\"weight_map\": {\"a\": " + test::deep_json() + "}}";
  CHECK(contains(bad(dir.write("model.safetensors.index.json", deep)), "is nested deeper than 64"));
}

TEST_CASE("missing, empty and misplaced files are errors that name them") {
  const TempDir dir;
  CHECK(contains(bad(dir.path() / "model.safetensors", ErrorCode::io_error), "No such file"));
  CHECK(contains(bad(dir.write("model.safetensors", ""), ErrorCode::io_error), "empty"));
  fs::create_directory(dir.path() / "pytorch_model.bin");
  CHECK(contains(bad(dir.path() / "pytorch_model.bin", ErrorCode::io_error),
                 "is a directory; a regular file was expected"));
}

TEST_CASE("a directory without weights says what was looked for") {
  const TempDir dir;
  const auto message = expect_error(ErrorCode::bad_model, [&] { Checkpoint::open_directory(dir.path()); });
  CHECK(contains(message, "model.safetensors"));
  CHECK(contains(message, "pytorch_model.bin"));
}

TEST_CASE("a directory without read permission is an error that says so") {
  const TempDir dir;
  dir.write("model.safetensors", one_tensor("a"));
  fs::permissions(dir.path(), fs::perms::none);
  {
    const DropPrivileges nobody;
    REQUIRE(nobody.is_unprivileged());
    const auto message = expect_error(ErrorCode::io_error, [&] { Checkpoint::open_directory(dir.path()); });
    CHECK(contains(message, "Permission denied"));
  }
  fs::permissions(dir.path(), fs::perms::owner_all);
}

TEST_CASE("a truncated torch zip is refused wherever it ends") {
  const TempDir dir;
  const auto whole = read_file(write_zip(dir.path() / "whole.bin", pickle_dict("w", pickle_tensor("0", 6))));
  for (std::size_t size = 1; size < whole.size(); size += 7) {
    CAPTURE(size);
    bad(dir.write("cut.bin", std::string_view(whole).substr(0, size)));
  }
}

TEST_CASE("a pickle that calls something is refused and nothing happens") {
  const TempDir dir;
  const auto witness = dir.path() / "witness";
  const std::string command = pickle_text("touch " + witness.string());
  const auto file = write_zip(dir.path() / "evil.bin", pickle_global("os", "system") + command + "\x85R");
  CHECK(contains(bad(file), "'os.system'"));
  CHECK_FALSE(fs::exists(witness));
}

TEST_CASE("a tensor larger than its storage is refused") {
  const TempDir dir;
  const auto pickle = pickle_dict("w", pickle_tensor("0", 6));
  CHECK(contains(bad(write_zip(dir.path() / "short.bin", pickle, "little", 20)), "does not fit its storage"));
  CHECK(contains(bad(write_zip(dir.path() / "far.bin", pickle_dict("w", pickle_tensor("0", 6, 1)))), "does not fit"));
  CHECK(contains(bad(write_zip(dir.path() / "gone.bin", pickle_dict("w", pickle_tensor("7", 6)))), "data/7"));
}

TEST_CASE("a view is copied out of its storage") {
  const TempDir dir;
  const auto open = [&](int offset, int stride) {
    return Checkpoint::open(write_zip(dir.path() / "view.bin", pickle_dict("w", pickle_tensor("0", 3, offset, stride))))
        .tensors()
        .at("w");
  };
  const auto whole_file = write_zip(dir.path() / "whole.bin", pickle_dict("w", pickle_tensor("0", 6)));
  const at::Tensor whole = Checkpoint::open(whole_file).tensors().at("w");
  CHECK(open(0, 2).is_contiguous());
  CHECK(at::equal(open(0, 2), whole.slice(0, 0, 6, 2)));
  CHECK(at::equal(open(1, 2), whole.slice(0, 1, 6, 2)));
  CHECK(
      contains(bad(write_zip(dir.path() / "far.bin", pickle_dict("w", pickle_tensor("0", 3, 2, 2)))), "does not fit"));
  CHECK(
      contains(bad(write_zip(dir.path() / "same.bin", pickle_dict("w", pickle_tensor("0", 3, 0, 0)))), "does not fit"));
}

TEST_CASE("what people have in place of weights is told") {
  const TempDir dir;
  const auto told = [&](const char* name, const char* bytes) { return bad(dir.write(name, bytes)); };
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    CHECK(contains(told(name, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"), "git lfs pull"));
    CHECK(contains(told(name, "<!DOCTYPE html><html><body>Sign in</body></html>"), "an HTML page"));
  }
  const TempDir other;
  (void)other.write("onnx/model.onnx", "x");
  const auto message = expect_error(ErrorCode::bad_model, [&] { (void)Checkpoint::open_directory(other.path()); });
  CHECK(contains(message, "has no weights; expected one of model.safetensors"));
  CHECK(contains(message, "found onnx/model.onnx, which is not read"));
}

TEST_CASE("archives of other kinds are refused by name") {
  const TempDir dir;
  const auto pickle = pickle_dict("w", pickle_tensor("0", 6));
  CHECK(contains(bad(write_zip(dir.path() / "big.bin", pickle, "big")), "byte order 'big'"));
  std::string tar(512, '\0');
  tar.replace(0, 8, "sys_info").replace(257, 5, "ustar");
  CHECK(contains(bad(dir.write("old.bin", tar)), "a tar archive, as torch wrote before 0.4, is not read; load it in"));
  CHECK(contains(bad(dir.write("other.bin", "L119547037146038801333356L\n.")), "begins with 'PK' or the byte 0x80"));

  // One record after the other is "deflated", by what the directory says.
  const std::string stored = read_file(write_zip(dir.path() / "stored.bin", pickle));
  int records = 0;
  for (auto at = stored.find("PK\x01\x02"); at != std::string::npos; at = stored.find("PK\x01\x02", at + 1)) {
    std::string compressed = stored;
    compressed[at + 10] = 8;
    CHECK(contains(bad(dir.write("compressed.bin", compressed)), "is compressed; expected an archive as torch.save"));
    ++records;
  }
  CHECK(records >= 3);
}

TEST_CASE("a directory of an archive that leads anywhere is refused") {
  const TempDir dir;
  const std::string whole = read_file(write_zip(dir.path() / "whole.bin", pickle_dict("w", pickle_tensor("0", 6))));
  const auto end = whole.rfind("PK\x05\x06");
  for (std::size_t at = end; at < whole.size(); ++at) {
    for (const char wrong : {'\x00', '\x01', '\x7f', '\xff'}) {
      CAPTURE(at);
      std::string damaged = whole;
      damaged[at] = wrong;
      const auto file = dir.write("damaged.bin", damaged);
      try {
        (void)Checkpoint::open(file);
      } catch (const Error&) {  // or what was changed is of no matter
      }
    }
  }
  CHECK(contains(bad(dir.write("no_end.bin", whole.substr(0, end))), "no directory"));

  // In 64 bits.
  const auto number = [](std::uint64_t value) {
    std::string bytes(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * i) & 0xFF);
    return bytes;
  };
  const auto with_locator = [&](std::uint64_t end_64, const std::string& record) {
    const std::string locator = "PK\x06\x07" + std::string(4, '\0') + number(end_64) + std::string(4, '\0');
    return dir.write("far.bin", whole.substr(0, end) + record + locator + whole.substr(end));
  };
  const auto record_of = [&](std::uint64_t directory) {
    return "PK\x06\x06" + std::string(44, '\0') + number(directory);
  };
  for (const std::uint64_t anywhere : {std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{3}, ~std::uint64_t{50}}) {
    CAPTURE(anywhere);
    CHECK(contains(bad(with_locator(anywhere, "")), "directory"));
    CHECK(contains(bad(with_locator(end, record_of(anywhere))), "directory is said to be at two places"));
  }
}

TEST_CASE("an index has a size that it may have") {
  const TempDir dir;
  dir.write("model.safetensors.index.json", std::string((64 << 20) + 1, ' '));
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)Checkpoint::open_directory(dir.path()); }),
                 "67108865 bytes, 67108864 at most"));
}
