#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "config/model_directory.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

using namespace bgem3;
using test::contains;

namespace {

namespace fs = std::filesystem;

std::string refusal(const fs::path& path) {
  return test::expect_error(ErrorCode::bad_model, [&] { (void)find_model_directory(path); });
}

// A folder of the Hugging Face cache with one snapshot.
void write_cache(const test::TempDir& dir, const std::string& snapshot) {
  fs::create_directories(dir.path() / "snapshots" / snapshot);
  fs::create_directories(dir.path() / "refs");
  dir.write("snapshots/" + snapshot + "/config.json", "{}");
}

}  // namespace

TEST_CASE("a model directory is itself") {
  const test::TempDir dir;
  dir.write("config.json", "{}");
  CHECK(find_model_directory(dir.path()) == dir.path());
}

TEST_CASE("a folder of the Hugging Face cache is followed to the snapshot of refs/main") {
  const test::TempDir dir;
  write_cache(dir, "abc");
  CHECK(contains(refusal(dir.path()), "without refs/main"));
  dir.write("refs/main", "abc\n");
  CHECK(find_model_directory(dir.path()) == dir.path() / "snapshots" / "abc");

  dir.write("refs/main", "def");
  CHECK(contains(refusal(dir.path()), "'def', which is not there"));
  for (const char* name : {"", "..", "../..", "/etc"}) {
    CAPTURE(name);
    dir.write("refs/main", name);
    CHECK(contains(refusal(dir.path()), "refs/main"));
  }
  dir.write("refs/main", std::string(257, 'a'));
  CHECK(contains(refusal(dir.path()), "256 at most"));
}

TEST_CASE("a path beside the right one is told where that lies") {
  const test::TempDir dir;
  fs::create_directories(dir.path() / "models" / "m3" / "1_Pooling");
  dir.write("models/m3/config.json", "{}");
  dir.write("models/m3/modules.json",
            R"([{"path": "", "type": "Transformer"}, {"path": "1_Pooling", "type": "Pooling"}])");
  dir.write("models/m3/1_Pooling/config.json", "{}");
  CHECK(contains(refusal(dir.path() / "models"), "expected one of 'm3' in it"));
  const auto part = refusal(dir.path() / "models" / "m3" / "1_Pooling");
  CHECK(contains(part, "the model directory is '" + (dir.path() / "models" / "m3").string() + "'"));
  CHECK(contains(refusal(dir.path() / "models" / "m3" / "1_Pooling" / ""), "is a part of a model"));
  CHECK(contains(refusal(dir.path() / "models" / "m3" / "config.json"), "is a file"));
  // What a trainer left within another model is no part of it.
  dir.write("models/m3/checkpoint-500/config.json", "{}");
  CHECK_NOTHROW((void)find_model_directory(dir.path() / "models" / "m3" / "checkpoint-500"));
  CHECK(contains(refusal(dir.path() / "nowhere"), "is not a directory"));
}
