#include "support/doctest_torch.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include "bgem3/tensors/checkpoint.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"
#include "support/torch_legacy_bytes.h"

using namespace bgem3;
using namespace bgem3::test;
namespace fs = std::filesystem;

namespace {

std::map<std::string, at::Tensor> tensors_of(const TorchLegacy& file) {
  const TempDir dir;
  return Checkpoint::open(dir.write("pytorch_model.bin", file.bytes())).tensors();
}

std::string bad(const TorchLegacy& file) {
  return expect_error(ErrorCode::bad_model, [&] { (void)tensors_of(file); });
}

std::string bad_object(const std::string& object) {
  TorchLegacy file;
  file.object = object;
  return bad(file);
}

std::string tensor(const std::string& key, int elements, int offset = 0, int stride = 1) {
  return pickle_tensor_of(pickle_storage(key, 6, "N"), elements, offset, stride);
}

std::string view(int begin, int elements) {
  return "(" + pickle_text("view") + pickle_int(begin) + pickle_int(elements) + "t";
}

at::Tensor saved() { return at::tensor({1.5F, -2.0F, 3.0F, 4.0F, 5.0F, 6.0F}); }

}  // namespace

TEST_CASE("a file of torch before 1.6 gives the tensors that were saved, wherever they lie") {
  for (std::size_t more = 0; more < 8; ++more) {
    CAPTURE(more);
    TorchLegacy file;
    file.object = "}(" + pickle_text(std::string("w") + std::string(more, 'w')) + tensor("0", 6) + pickle_text("tied") +
                  tensor("0", 6) + pickle_text("part") + tensor("0", 2, 3) + pickle_text("view") +
                  tensor("0", 2, 1, 3) + "u";
    const auto tensors = tensors_of(file);
    CHECK(tensors.size() == 4);
    CHECK(at::equal(tensors.at("w" + std::string(more, 'w')), saved()));
    CHECK(at::equal(tensors.at("tied"), saved()));
    CHECK(at::equal(tensors.at("part"), saved().slice(0, 3, 5)));
    CHECK(at::equal(tensors.at("view"), saved().slice(0, 1, 5, 3)));
    CHECK(tensors.at("view").is_contiguous());
    for (const auto& [name, tensor] : tensors) {
      CHECK(reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % sizeof(float) == 0);
    }
  }
}

TEST_CASE("storages of what is no tensor of the state dict are passed over") {
  TorchLegacy file;
  file.object = "}(" + pickle_text("optimizer") + pickle_tensor_of(pickle_storage("-1", 2, "N", "DoubleStorage"), 2) +
                pickle_text("state_dict") + pickle_dict("w", tensor("0", 6)) + "u";
  file.keys = "](" + pickle_text("-1") + pickle_text("0") + "e";
  file.storages = number_bytes(2) + std::string(16, '\xff') + file.storages;
  CHECK(at::equal(tensors_of(file).at("w"), saved()));
}

TEST_CASE("what follows the last storage is of no matter, as for torch") {
  TorchLegacy file;
  file.storages += "trailing bytes";
  CHECK(at::equal(tensors_of(file).at("w"), saved()));
}

TEST_CASE("a truncated file of torch before 1.6 is refused wherever it ends") {
  const TempDir dir;
  const std::string whole = TorchLegacy().bytes();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    const auto file = dir.write("cut.bin", whole.substr(0, size));
    const auto message = expect_error(ErrorCode::bad_model, [&] { (void)Checkpoint::open(file); });
    CHECK(contains(message, "cut.bin"));
  }
}

TEST_CASE("a damaged file of torch before 1.6 ends in an error or is of no matter") {
  const TempDir dir;
  const std::string whole = TorchLegacy().bytes();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char wrong : {'\x00', '\x01', '\x7f', '\xff'}) {
      CAPTURE(at);
      std::string damaged = whole;
      damaged[at] = wrong;
      try {
        (void)Checkpoint::open(dir.write("damaged.bin", damaged));
      } catch (const Error&) {
      }
    }
  }
}

TEST_CASE("each pickle is what it should be") {
  TorchLegacy file;
  file.magic_number.back() = '\x18';
  CHECK(contains(bad(file), "found an int of more than 64 bits. Other pickles are not read; load it in Python"));
  file.magic_number = pickle_dict("w", pickle_tensor("0", 1));  // a plain pickle
  CHECK(contains(bad(file), "found a dict. Other pickles are not read; load it in Python"));

  file = {};
  file.version = "M\xea\x03";
  CHECK(contains(bad(file), "expected version 1001 of its format, found 1002"));
  file.version = "N";
  CHECK(contains(bad(file), "found None"));

  file = {};
  file.machine = pickle_dict("little_endian", "\x89");
  CHECK(contains(bad(file), "'little_endian' is not True"));
  file.machine = pickle_dict("little_endian", pickle_int(1));
  CHECK(contains(bad(file), "'little_endian' is not True"));
  file.machine = "}";
  CHECK(contains(bad(file), "'little_endian' is missing"));
  file.machine = "N";
  CHECK(contains(bad(file), "expected a dict about the machine that wrote it, found None"));

  CHECK(contains(bad_object("]"), "expected a dict of tensors, found a list"));

  file = {};
  file.keys = "N";
  CHECK(contains(bad(file), "expected a list of the keys of storages, found None"));
}

TEST_CASE("a file of torch before 1.6 that calls something is refused and nothing happens") {
  const TempDir dir;
  const auto witness = dir.path() / "witness";
  const std::string call = pickle_global("os", "system") + pickle_text("touch " + witness.string()) + "\x85R";
  for (const auto pickle : {&TorchLegacy::magic_number, &TorchLegacy::version, &TorchLegacy::machine,
                            &TorchLegacy::object, &TorchLegacy::keys}) {
    TorchLegacy file;
    file.*pickle = call;
    CHECK(contains(bad(file), "'os.system'"));
    CHECK_FALSE(fs::exists(witness));
  }
}

TEST_CASE("storages are those that the tensors are in") {
  TorchLegacy file;
  for (const std::string& strange : {pickle_text("1"), pickle_int(0), std::string("]")}) {
    file.keys = "](" + pickle_text("0") + strange + "e";
    CHECK(contains(bad(file), "has one that nothing was said of"));
  }
  file.keys = "](" + pickle_text("0") + pickle_text("0") + "e";
  CHECK(contains(bad(file), "storage '0' occurs twice"));
  file.keys = "]";
  CHECK(contains(bad(file), "tensor 'w' is in storage '0', which is missing"));
  const auto two = [](const std::string& other) {
    return "}(" + pickle_text("a") + tensor("0", 6) + pickle_text("b") + pickle_tensor_of(other, 6) + "u";
  };
  CHECK(contains(bad_object(two(pickle_storage("0", 6, "N", "HalfStorage"))), "of two types or sizes"));
  CHECK(contains(bad_object(two(pickle_storage("0", 7, "N"))), "of two types or sizes"));
}

TEST_CASE("a storage has the elements that its tensors say, in the file") {
  for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{7}, ~std::uint64_t{0},
                                    std::uint64_t{6} << 32, std::uint64_t{1} << 63, std::uint64_t{1} << 62}) {
    CAPTURE(count);
    TorchLegacy file;
    file.storages.replace(0, 8, number_bytes(count));
    CHECK(contains(bad(file), "expected 6, as its tensors say"));
  }
  // As many elements as a number has room for, in file and pickle.
  const auto huge = [](std::uint64_t count) {
    TorchLegacy file;
    std::string storage = pickle_storage("0", 6, "N");
    storage.replace(storage.find("K\x06"), 2, "\x8a\x08" + number_bytes(count));
    file.object = pickle_dict("w", pickle_tensor_of(storage, 6));
    file.storages.replace(0, 8, number_bytes(count));
    return file;
  };
  CHECK(contains(bad(huge(7)), "storage '0' ends beyond the file; it is cut off"));
  CHECK(contains(bad(huge(std::uint64_t{1} << 62)), "storage '0' ends beyond the file; it is cut off"));
  CHECK(contains(bad(huge(~std::uint64_t{0})), "storage '0' has -1 elements"));
  CHECK(contains(bad_object(pickle_dict("w", tensor("0", 7))), "does not fit its storage of 24 bytes"));
  CHECK(contains(bad_object(pickle_dict("w", tensor("0", 3, 4))), "does not fit its storage of 24 bytes"));
  CHECK(contains(bad_object(pickle_dict("w", tensor("0", 3, 2, 2))), "does not fit its storage of 24 bytes"));
}

TEST_CASE("a view of a storage is a part of it") {
  const auto object = [](const std::string& metadata, int elements, int offset) {
    return pickle_dict("w", pickle_tensor_of(pickle_storage("0", 6, metadata), elements, offset));
  };
  TorchLegacy file;
  file.object = object(view(2, 3), 2, 1);
  CHECK(at::equal(tensors_of(file).at("w"), saved().slice(0, 3, 5)));
  file.object = object(view(6, 0), 0, 0);
  CHECK(tensors_of(file).at("w").numel() == 0);
  CHECK(contains(bad_object(object(view(2, 3), 3, 1)), "does not fit elements 2 to 5 of its storage of 24 bytes"));
  CHECK(contains(bad_object(object(view(2, 5), 1, 0)), "does not fit elements 2 to 7 of its storage of 24 bytes"));
  CHECK(contains(bad_object(object(view(7, 0), 0, 0)), "does not fit elements 7 to 7 of its storage of 24 bytes"));
  const std::string text = pickle_text("view"), number = pickle_int(1), negative = "J\xff\xff\xff\xff";
  for (const auto& strange : {number, std::string(")"), "(" + text + number + "t", "(" + text + negative + number + "t",
                              "(" + text + number + negative + "t", "(" + text + number + text + "t"}) {
    CHECK(contains(bad_object(object(strange, 1, 0)), "a view of a storage that is not (key, offset, size)"));
  }
}

// Or a small file would become any number of gigabytes.
TEST_CASE("tensors that overlap are not copied without end") {
  constexpr int elements = 601;
  const auto views = [](int count, int step) {
    TorchLegacy file;
    file.object = "}(";
    for (int i = 0; i < count; ++i) {
      const std::string storage = pickle_storage("0", elements, "N");
      file.object += pickle_text(std::to_string(i)) + pickle_tensor_of(storage, 200, i * step, 2);
    }
    file.object += "u";
    file.storages = storage_bytes(std::vector<float>(elements, 1.5F));
    return file;
  };
  CHECK(tensors_of(views(12, 1)).size() == 12);
  CHECK(contains(bad(views(200, 1)), "copies of them would take more than 4 times the size of the file"));

  const auto tied = tensors_of(views(200, 0));
  CHECK(tied.size() == 200);
  CHECK(tied.at("0").const_data_ptr() == tied.at("199").const_data_ptr());
}
