#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "cli/model_identity.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

using namespace bgem3;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t mib = 1 << 20;

struct Files {
  explicit Files(std::uint64_t weight_bytes) {
    info.directory = directory.path();
    info.tokenizer_file = directory.path() / "tokenizer.json";
    info.weight_files = {directory.path() / "model.safetensors"};
    write("config.json", "{}");
    write("tokenizer.json", "{}");
    write("model.safetensors", "");
    fs::resize_file(info.weight_files.front(), weight_bytes);  // zeros that take no room
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory.path() / name, std::ios::binary) << text;
  }

  // `bytes` bytes of the weights from `position` on become others; false when that is not noticed.
  [[nodiscard]] bool notices(std::uint64_t position, std::uint64_t bytes) const {
    const std::string before = cli::model_identity(info);
    put(position, std::string(bytes, '\1'));
    const bool changed = cli::model_identity(info) != before;
    put(position, std::string(bytes, '\0'));
    REQUIRE(cli::model_identity(info) == before);
    return changed;
  }

  void put(std::uint64_t position, const std::string& bytes) const {
    std::fstream file(info.weight_files.front(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(position));
    file << bytes;
  }

  test::TempDir directory;
  ModelInfo info;
};

}  // namespace

TEST_CASE("a model of up to 16 MiB is compared to the last byte") {
  const Files files(16 * mib);
  for (const std::uint64_t position : {std::uint64_t{0}, 5 * mib + 1, 16 * mib - 1}) CHECK(files.notices(position, 1));
}

TEST_CASE("of a larger model both ends and pieces all over are compared") {
  const Files files(300 * mib + 12345);
  for (const std::uint64_t position : {std::uint64_t{0}, mib - 1, 299 * mib + 12345, 300 * mib + 12344}) {
    CHECK(files.notices(position, 1));
  }
  // A matrix of 400 x 256 numbers, wherever it lies.
  for (std::uint64_t position = mib; position < 299 * mib; position += 37 * mib) {
    CHECK(files.notices(position, 400 * 1024));
  }
  CHECK_FALSE(files.notices(100 * mib + 5000, 1));  // as model_identity.h says
}

TEST_CASE("a model is told by its files, not by where they lie") {
  const Files one(mib), other(mib), larger(mib + 1);
  const std::string identity = cli::model_identity(one.info);
  CHECK(cli::model_identity(other.info) == identity);
  CHECK(cli::model_identity(larger.info) != identity);
  for (const char* name : {"config.json", "tokenizer.json", "added_tokens.json", "tokenizer_config.json"}) {
    const Files changed(mib);
    changed.write(name, "{\"a\": 1}");
    CHECK(cli::model_identity(changed.info) != identity);
  }
}

TEST_CASE("a file that went away is an error") {
  const Files files(mib);
  fs::remove(files.info.tokenizer_file);
  const std::string message = test::expect_error(ErrorCode::io_error, [&] { (void)cli::model_identity(files.info); });
  CHECK(test::contains(message, "tokenizer.json' cannot be read: No such file"));
}
