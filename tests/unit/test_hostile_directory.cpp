// Each file of a model directory in each shape that somebody hostile may give it: refused, by name, and at once.

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "bgem3/bgem3.h"
#include "bgem3/detail/message.h"
#include "support/address_sanitizer.h"
#include "support/deep_json.h"
#include "support/drop_privileges.h"
#include "support/every_model_file.h"
#include "support/expect_error.h"
#include "support/safetensors_bytes.h"
#include "support/special_files.h"
#include "support/temp_dir.h"

using namespace bgem3;
using nlohmann::json;
using namespace bgem3::test::every_model_file;
namespace fs = std::filesystem;

namespace {

#ifdef BGEM3_ADDRESS_SANITIZER
constexpr unsigned seconds_max = 60;
constexpr long grown_kib_max = 4 << 20;
#else
constexpr unsigned seconds_max = 10;
constexpr long grown_kib_max = 300 << 10;
#endif

struct Shape {
  const char* name;
  void (*give)(const fs::path& path, const std::string& bytes);
  bool of_json = false;  // alone
};

template <void (*make)(const fs::path&)>
void instead(const fs::path& path, const std::string& /*bytes*/) {
  fs::remove(path);
  make(path);
}

void make_zero(const fs::path& path) { fs::create_symlink("/dev/zero", path); }
void make_directory(const fs::path& path) { fs::create_directory(path); }
void make_dangling(const fs::path& path) { fs::create_symlink("missing", path); }

template <const char* text>
void write(const fs::path& path, const std::string& /*bytes*/) {
  replace(path, text);
}

// Adds a member to the outermost object, or to the first object of a list.
void add_member(const fs::path& path, const std::string& bytes, const std::string& name, const json& value) {
  json document = json::parse(bytes);
  (document.is_array() ? document[0] : document)[name] = value;
  replace(path, document.dump());
}

constexpr char number[] = "3", text[] = "\"x\"", null[] = "null", list[] = "[3]", not_utf8[] = "{\"a\xff\": 1}",
               too_large[] = "{\"model_type\": 1e400}", html[] = "<!DOCTYPE html><html>";

const std::vector<Shape> shapes = {
    {"FIFO", instead<test::make_fifo>},
    {"socket", instead<test::make_socket>},
    {"endless device", instead<make_zero>},
    {"directory", instead<make_directory>},
    {"circle of links", instead<test::make_loop>},
    {"link to nothing", instead<make_dangling>},
    {"terabyte of nothing", instead<test::make_sparse>},
    {"empty", [](const fs::path& path, const std::string&) { replace(path, ""); }},
    {"cut off",
     [](const fs::path& path, const std::string& bytes) { replace(path, bytes.substr(0, bytes.size() / 2)); }},
    {"HTML", write<html>},
    {"number", write<number>, true},
    {"string", write<text>, true},
    {"null", write<null>, true},
    {"list", write<list>, true},
    {"not UTF-8", write<not_utf8>, true},
    {"number beyond all", write<too_large>, true},
    {"deep", [](const fs::path& path, const std::string&) { replace(path, test::deep_json()); }, true},
    {"long", [](const fs::path& path, const std::string&) { replace(path, "[\"" + std::string(1 << 20, 'x') + "\"]"); },
     true},
};

// Tells what hangs before the process ends.
const char* volatile file_at_work = "";
const char* volatile shape_at_work = "";

void tell_and_end(int /*signal*/) {
  for (const char* part : {"\nthis hangs: ", file_at_work, ", ", shape_at_work, "\n"}) {
    (void)!::write(STDERR_FILENO, part, std::strlen(part));
  }
  ::_exit(1);
}

class Watch {
 public:
  Watch(const char* file, const char* shape) {
    file_at_work = file;
    shape_at_work = shape;
    std::signal(SIGALRM, tell_and_end);
    ::alarm(seconds_max);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { ::alarm(0); }
};

// Nothing is packed, which would take most of the time.
LoadOptions as_stored() {
  LoadOptions options;
  options.prepack = false;
  return options;
}

// The message of the error that loading must end in.
std::string refusal(const fs::path& directory, const char* file, const char* shape) {
  const Watch watch(file, shape);
  try {
    Embedder::load(directory, as_stored());
  } catch (const Error& error) {
    return error.what();
  }
  FAIL("nothing was refused");
  return {};
}

void check_message(const std::string& message) {
  CHECK(message.size() <= detail::message_bytes_max);
  CHECK(detail::printable(message) == message);  // so it is UTF-8, too
}

void check_refused(const File& file, const char* shape,
                   const std::function<void(const fs::path& path, const std::string& bytes)>& give) {
  CAPTURE(std::string(file.name));
  CAPTURE(std::string(shape));
  const test::TempDir directory;
  original().link_to(directory.path());
  file.prepare(directory.path());
  const fs::path path = directory.path() / file.name;
  give(path, read(path));
  const std::string message = refusal(directory.path(), file.name, shape);
  CAPTURE(message);
  CHECK(test::contains(message, file.name));
  check_message(message);
}

long peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST_CASE("every file in every shape is refused by name") {
  CHECK_NOTHROW(Embedder::load(original().path(), as_stored()));  // as it is, it is a model
  const long before = peak_kib();
  for (const auto& file : files()) {
    for (const auto& shape : shapes) {
      if (!shape.of_json || file.is_json()) check_refused(file, shape.name, shape.give);
    }
  }
  CHECK(peak_kib() - before < grown_kib_max);
}

TEST_CASE("a file that may not be read is not taken for one that is not there") {
  for (const auto& file : files()) {
    CAPTURE(std::string(file.name));
    const test::TempDir directory;
    original().link_to(directory.path());
    file.prepare(directory.path());
    const fs::path path = directory.path() / file.name;
    const std::string bytes = read(path);
    replace(path, bytes);
    for (const auto& entry : fs::recursive_directory_iterator(directory.path())) {
      if (!entry.is_symlink()) ::chmod(entry.path().c_str(), 0755);
    }
    ::chmod(path.c_str(), 0);
    const test::DropPrivileges nobody;
    REQUIRE(nobody.is_unprivileged());
    const std::string message = refusal(directory.path(), file.name, "unreadable");
    CHECK(test::contains(message, std::string(file.name) + "' cannot be read: Permission denied"));
  }
}

TEST_CASE("names in files do not reach the terminal") {
  for (const auto& file : files()) {
    // Of these two, nothing is said about keys that nobody reads.
    const std::string_view name = file.name;
    if (!file.is_json() || name == "tokenizer.json" || name == "model.safetensors.index.json") continue;
    for (const std::string& key : {std::string("\x1b[31m\n\u202ered"), std::string(1 << 20, '\x1b')}) {
      check_refused(file, "escapes",
                    [&](const fs::path& path, const std::string& bytes) { add_member(path, bytes, key, key); });
    }
  }
  const File weights{"model.safetensors"};
  check_refused(weights, "escapes", [](const fs::path& path, const std::string&) {
    const char* const header = R"({"\u001b[31m\u202e": {"dtype": "\u001b[31m", "shape": [1], "data_offsets": [0, 4]}})";
    replace(path, test::safetensors_bytes(header, 4));
  });
  check_refused({"tokenizer.json"}, "escapes", [](const fs::path& path, const std::string& bytes) {
    json document = json::parse(bytes);
    document["model"]["type"] = "\x1b[31m\u202e" + std::string(1 << 20, 'x');
    replace(path, document.dump());
  });
}

TEST_CASE("sizes of a configuration may be any number") {
  const std::vector<json> sizes = {-1, 0, 2147483647, 2147483648, UINT64_MAX, 1e300, "64", json()};
  const std::vector<std::pair<File, std::vector<const char*>>> places = {
      {{"config.json"},
       {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
        "max_position_embeddings"}},
      {{"2_Dense/config.json", write_modules}, {"in_features", "out_features"}},
      {{"adapter_config.json", write_adapter}, {"r", "layers_to_transform", "rank_pattern"}},
  };
  for (const auto& [file, keys] : places) {
    for (const char* key : keys) {
      for (const auto& size : sizes) {
        CAPTURE(std::string(key));
        CAPTURE(size.dump());
        const test::TempDir directory;
        original().link_to(directory.path());
        file.prepare(directory.path());
        const fs::path path = directory.path() / file.name;
        add_member(path, read(path), key, size);
        const std::string message = refusal(directory.path(), file.name, key);
        CAPTURE(message);
        check_message(message);
      }
    }
  }
}

TEST_CASE("shapes of tensors may be any numbers") {
  for (const char* shape : {"[4611686018427387904, 4]", "[9223372036854775807, 2]", "[4294967296, 4294967296]",
                            "[0, 4611686018427387904, 4]", "[4611686018427387904, 4, 0]", "[9223372036854775808]",
                            "[18446744073709551615]", "[1e300]", "[-1]", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"}) {
    for (const char* offsets : {"[0, 0]", "[0, 9223372036854775807]"}) {
      const auto give = [&](const fs::path& path, const std::string&) {
        const std::string entry =
            std::string(R"({"dtype": "F32", "shape": )") + shape + ", \"data_offsets\": " + offsets + "}";
        replace(path, test::safetensors_bytes(R"({"embeddings.word_embeddings.weight": )" + entry + "}", 4));
      };
      check_refused({"model.safetensors"}, shape, give);
    }
  }
}

TEST_CASE("ten million layers are refused as quickly as one") {
  const long before = peak_kib();
  const test::TempDir directory;
  original().link_to(directory.path());
  const fs::path path = directory.path() / "config.json";
  add_member(path, read(path), "num_hidden_layers", 10'000'000);
  const std::string message = refusal(directory.path(), "config.json", "ten million layers");
  CAPTURE(message);
  CHECK(test::contains(message, "159999952 problem(s)"));  // 16 of each layer but three
  CHECK(test::contains(message, "missing: encoder.layer.3.attention.self.query.weight (expected [64, 64])"));
  CHECK(test::contains(message, "\n  and 159999932 more"));
  CHECK(peak_kib() - before < grown_kib_max);
  check_message(message);
}

TEST_CASE("a directory may have any name") {
  const test::TempDir parent;
  const fs::path directory = parent.path() / "model\xff\x1b[31m";
  fs::create_directory(directory);
  original().link_to(directory);
  const auto embedder = Embedder::load(directory, as_stored());
  CHECK(embedder.info().directory == directory);
  fs::remove(directory / "config.json");
  CHECK(test::contains(refusal(directory, "config.json", "missing"), "model\\xff\\x1b[31m"));
}
