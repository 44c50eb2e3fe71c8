#include <string>

#include <doctest/doctest.h>

#include "checkpoint/pickle.h"
#include "support/expect_error.h"
#include "support/pickle_bytes.h"
#include "support/safetensors_bytes.h"

using namespace bgem3;
using namespace bgem3::test;

namespace {

std::vector<PickledTensor> read(const std::string& body) {
  const std::string pickle = pickle_begin + body + pickle_end;
  return read_state_dict(as_bytes(pickle));
}

std::string bad(const std::string& body) {
  return expect_error(ErrorCode::bad_model, [&] { read(body); });
}

}  // namespace

TEST_CASE("a state dict is read as names and windows into storages") {
  const auto tensors = read(pickle_dict("weight", pickle_tensor("0", 6, 2)));
  REQUIRE(tensors.size() == 1);
  CHECK(tensors[0].name == "weight");
  CHECK(tensors[0].storage == "0");
  CHECK(tensors[0].type == ElementType::f32);
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
    expect_error(ErrorCode::bad_model, [&] { read_state_dict(as_bytes(cut)); });
  }
}

TEST_CASE("malformed programs are errors") {
  CHECK(contains(bad("t"), "mark"));
  CHECK(contains(bad("h\x05"), "reference to nothing"));
  CHECK(contains(bad("(s"), "stack is empty"));
  CHECK(contains(bad("}(" + pickle_int(1) + "u"), "items for a dict"));
  CHECK(contains(bad(pickle_int(1) + "Q"), "not a storage"));
  CHECK(contains(bad("\x8a\x09" + std::string(9, '\x01')), "64 bits"));
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
