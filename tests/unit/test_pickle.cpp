#include <string>

#include <doctest/doctest.h>

#include "checkpoint/pickle.h"
#include "checkpoint/state_dict.h"
#include "support/expect_error.h"
#include "support/pickle_bytes.h"
#include "support/safetensors_bytes.h"

using namespace bgem3;
using namespace bgem3::test;

namespace {

std::vector<PickledTensor> read(const std::string& body) {
  const std::string pickle = pickle_begin + body + pickle_end;
  return pickled_tensors(detail::read_pickle(as_bytes(pickle)));
}

std::string bad(const std::string& body) {
  return expect_error(ErrorCode::bad_model, [&] { read(body); });
}

}  // namespace

TEST_CASE("a state dict is read as names and windows into storages") {
  const auto tensors = read(pickle_dict("weight", pickle_tensor("0", 6, 2)));
  REQUIRE(tensors.size() == 1);
  CHECK(tensors[0].name == "weight");
  CHECK(tensors[0].storage.key == "0");
  CHECK(tensors[0].storage.type == ElementType::f32);
  CHECK(tensors[0].offset == 2);
  CHECK(tensors[0].shape == std::vector<std::int64_t>{6});
  CHECK(tensors[0].strides == std::vector<std::int64_t>{1});
}

TEST_CASE("a dict wrapped by a trainer is unwrapped") {
  CHECK(read(pickle_dict("state_dict", pickle_dict("w", pickle_tensor("0", 1)))).size() == 1);
}

TEST_CASE("attributes of the dict, where torch keeps versions, are ignored") {
  const std::string dict = pickle_global("collections", "OrderedDict") + ")R(" + pickle_text("w") +
                           pickle_tensor("0", 1) + "u}" + pickle_text("_metadata") + "}sb";
  CHECK(read(dict).size() == 1);
}

TEST_CASE("functions other than those of tensors are refused by name, in every spelling") {
  const std::string argument = pickle_text("true") + "\x85R";
  CHECK(contains(bad(pickle_global("os", "system") + argument), "'os.system'"));
  CHECK(contains(bad(pickle_global("posix", "system") + argument), "'posix.system'"));
  CHECK(contains(bad(pickle_global("builtins", "eval") + argument), "'builtins.eval'"));
  CHECK(contains(bad(pickle_text("os") + pickle_text("system") + "\x93" + argument), "'os.system'"));
  CHECK(contains(bad("(ios\nsystem\n"), "opcode 0x69"));                 // INST
  CHECK(contains(bad("(" + pickle_text("true") + "o"), "opcode 0x6f"));  // OBJ
  CHECK(contains(bad(pickle_text("x") + ")\x81"), "opcode 0x81"));       // NEWOBJ
  CHECK(contains(bad("\x82\x01"), "opcode 0x82"));                       // EXT1
  // A name hidden inside the value of a tensor.
  CHECK(contains(bad(pickle_dict("w", pickle_global("os", "system") + argument)), "'os.system'"));
}

TEST_CASE("what is no dict of tensors is refused") {
  CHECK(contains(bad(pickle_int(7)), "expected a dict of tensors, found an int"));
  CHECK(contains(bad(pickle_dict("epoch", pickle_int(3))), "entry 'epoch': expected a tensor, found an int"));
  CHECK(contains(bad("}(" + pickle_int(1) + pickle_tensor("0", 1) + "u"), "expected names as keys"));
}

TEST_CASE("a truncated pickle is refused wherever it ends") {
  const std::string whole = pickle_begin + pickle_dict("w", pickle_tensor("0", 6)) + pickle_end;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const std::string cut = whole.substr(0, size);
    expect_error(ErrorCode::bad_model, [&] { (void)detail::read_pickle(as_bytes(cut)); });
  }
}

TEST_CASE("malformed programs are errors") {
  CHECK(contains(bad("t"), "mark"));
  CHECK(contains(bad("U\x01w"), "strings of Python 2, which are not read; load it in Python"));
  CHECK(contains(bad("h\x05"), "reference to nothing"));
  CHECK(contains(bad("}r" + std::string("\x07\0\0\0", 4) + "h\x05"), "reference to nothing"));
  CHECK(contains(bad("}r\xff\xff\xff\xff"), "value 4294967295; expected 2000000 at most"));
  CHECK(contains(bad("(s"), "stack is empty"));
  CHECK(contains(bad("}(" + pickle_int(1) + "u"), "items for a dict"));
  CHECK(contains(bad(pickle_int(1) + "Q"), "not a storage"));
  CHECK(contains(bad("\x8a\x09" + std::string(9, '\x01')), "found an int of more than 64 bits"));
  CHECK(contains(bad("X\xff\xff\xff\xffz"), "cut off"));
}

TEST_CASE("a pickle has no more opcodes than a state dict may have") {
  for (const auto* step : {"N", "(", ")", "]", "}", "\x88", "K\x01"}) {
    CAPTURE(step);
    std::string code;
    for (int i = 0; i < 2'000'001; ++i) code += step;
    CHECK(contains(bad(code), "more than 2000000 opcodes"));
  }
  std::string memo = "N";
  memo.append(2'000'000, '\x94');
  CHECK(contains(bad(memo), "more than 2000000 opcodes"));
}

TEST_CASE("depth and cycles cost nothing") {
  CHECK(contains(bad(std::string(200000, ']')), "expected a dict"));
  const std::string nested(100000, '\x85');
  CHECK(contains(bad(")" + nested), "expected a dict of tensors, found a tuple"));
  CHECK(contains(bad("}q\x01(" + pickle_text("self") + "h\x01u"), "entry 'self'"));
}

TEST_CASE("a pickle says where it ends") {
  const std::string pickle = pickle_begin + pickle_dict("w", pickle_tensor("0", 1)) + pickle_end;
  const std::string longer = pickle + "what follows";
  CHECK(detail::read_pickle(as_bytes(longer)).bytes == pickle.size());
}

TEST_CASE("tensors of the first versions of torch have fewer arguments") {
  const std::string old_tensor = pickle_global("torch._utils", "_rebuild_tensor") + "(" + pickle_storage("0", 6) +
                                 pickle_int(2) + pickle_int(3) + "\x85" + pickle_int(1) + "\x85tR";
  const auto tensors = read(pickle_dict("w", old_tensor));
  REQUIRE(tensors.size() == 1);
  CHECK(tensors[0].offset == 2);
  CHECK(tensors[0].shape == std::vector<std::int64_t>{3});
  const auto parameter = pickle_global("torch._utils", "_rebuild_parameter") + "(" + old_tensor + "\x88NtR";
  CHECK(read(pickle_dict("w", parameter)).at(0).shape == std::vector<std::int64_t>{3});
}

TEST_CASE("a view that negates or conjugates is refused") {
  const auto with_metadata = [](const std::string& metadata) {
    std::string tensor = pickle_tensor("0", 3);
    tensor.insert(tensor.size() - 2, metadata);  // before the end of the arguments
    return pickle_dict("w", tensor);
  };
  CHECK(read(with_metadata("}")).size() == 1);
  CHECK(read(with_metadata("N")).size() == 1);
  CHECK(contains(bad(with_metadata(pickle_dict("neg", "\x88"))), "'w' is a view that negates"));
}

namespace {

// A tensor that has this tuple for sizes and strides.
std::string tensor_of_sizes(const std::string& tuple) {
  return pickle_global("torch._utils", "_rebuild_tensor") + "(" + pickle_storage("0", 1) + pickle_int(0) + tuple +
         tuple + "tR";
}

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

// Or a few hundred KB would become gigabytes.
TEST_CASE("what is used again and again is not copied as often") {
  const auto times = [](const std::string& key, const std::string& value) {
    return key + "q\x01" + value + "q\x02}(" + repeat("h\x01h\x02", 100'000) + "u";
  };
  const std::string name(4096, 'n');
  CHECK(contains(bad(times(pickle_text(name), pickle_tensor("0", 1))), "occurs twice"));
  CHECK(read(pickle_dict(name, pickle_tensor("0", 1))).at(0).name == name);
  CHECK(contains(bad(pickle_dict(name + "n", pickle_tensor("0", 1))), "a name of 4097 bytes; expected 4096 at most"));

  const auto tensors = [](int count) {
    std::string dict = pickle_tensor("0", 1) + "q\x01}(";
    for (int i = 0; i < count; ++i) dict += pickle_text(std::to_string(i)) + "h\x01";
    return dict + "u";
  };
  CHECK(read(tensors(100'000)).size() == 100'000);
  CHECK(contains(bad(tensors(100'001)), "100001 tensors; expected 100000 at most"));

  const auto sizes = [](int rank) { return "(" + repeat(pickle_int(1), rank) + "t"; };
  CHECK(read(pickle_dict("w", tensor_of_sizes(sizes(16)))).at(0).shape.size() == 16);
  CHECK(contains(bad(pickle_dict("w", tensor_of_sizes(sizes(17)))), "has 17 dimensions; expected 16 at most"));

  const std::string key(128, '7');
  CHECK(read(pickle_dict("w", pickle_tensor(key, 1))).at(0).storage.key == key);
  CHECK(contains(bad(pickle_dict("w", pickle_tensor(key + "7", 1))), "has 129 bytes; expected 128 at most"));
}

TEST_CASE("names of functions have an end") {
  const std::string name(256, 'f');
  CHECK(contains(bad(pickle_global(name, name)), "it wants to call '" + name.substr(0, 90)));  // cut, as all names
  CHECK(contains(bad(pickle_global(name + "f", "f")), "does not end"));
  CHECK(contains(bad(pickle_text("m") + pickle_text(name + "f") + "\x93"), "more than 256 bytes"));
  CHECK(contains(bad(pickle_text(name + "f") + pickle_text("f") + "\x93"), "more than 256 bytes"));
}

TEST_CASE("a storage is of one type and size") {
  const auto storages = [](const std::string& second) {
    const std::string pickle = pickle_begin + "(" + pickle_storage("0", 6) + second + "t" + pickle_end;
    return pickled_storages(detail::read_pickle(as_bytes(pickle)));
  };
  CHECK(storages(pickle_storage("0", 6)).size() == 1);
  CHECK(storages(pickle_storage("1", 7)).at("1").elements == 7);
  for (const auto& other : {pickle_storage("0", 7), pickle_storage("0", 6, "", "HalfStorage")}) {
    CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)storages(other); }), "of two types or sizes"));
  }
}
