#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "cli/protected_files.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

using namespace bgem3;
using cli::ProtectedFiles;
using test::contains;
namespace fs = std::filesystem;

namespace {

std::string refusal(const ProtectedFiles& files, const fs::path& output) {
  return test::expect_error(ErrorCode::invalid_argument, [&] { files.refuse(output.string(), "--output"); });
}

// A model with `count` files, and a file beside it.
struct Model {
  explicit Model(std::size_t count) {
    folder.write("model/part/0", "");
    for (std::size_t i = 2; i < count; ++i) {  // the folder counts as well
      fs::create_hard_link(directory / "part" / "0", directory / "part" / std::to_string(i));
    }
    folder.write("other", "");
    files.add_model(directory);
  }

  test::TempDir folder;
  fs::path directory = folder.path() / "model";
  fs::path other = folder.path() / "other";
  ProtectedFiles files;
};

}  // namespace

TEST_CASE("a model directory has as many files as can be compared") {
  const Model most(ProtectedFiles::files_max);
  CHECK_NOTHROW(most.files.refuse(most.other.string(), "--output"));
  CHECK(contains(refusal(most.files, most.directory / "part" / "0"), "is a file of the model"));

  const Model more(ProtectedFiles::files_max + 1);
  CHECK(contains(refusal(more.files, more.other), "has more than 20000 files"));
  CHECK_NOTHROW(more.files.refuse(more.other.string() + ".new", "--output"));  // nothing to be lost
}

TEST_CASE("links to directories are followed, also in circles and to nothing") {
  const Model model(2), elsewhere(3);
  fs::create_directory_symlink(elsewhere.directory, model.directory / "linked");
  fs::create_symlink("nothing", model.directory / "dangling");
  CHECK_NOTHROW(model.files.refuse(model.other.string(), "--output"));
  CHECK(contains(refusal(model.files, elsewhere.directory / "part" / "0"), "is a file of the model"));
  fs::create_directory_symlink("..", model.directory / "part" / "circle");
  CHECK(contains(refusal(model.files, elsewhere.directory / "part" / "0"), "is a file of the model"));
}

TEST_CASE("a name that begins as the model directory's does is another") {
  const Model model(2);
  CHECK_NOTHROW(model.files.refuse(model.directory.string() + "2", "--output"));
  CHECK(contains(refusal(model.files, model.directory / "new"), "is in the model directory"));
  CHECK(contains(refusal(model.files, model.directory / "none" / ".." / "new"), "is in the model directory"));
}

TEST_CASE("a model that is not there protects nothing yet") {
  test::TempDir folder;
  ProtectedFiles files;
  files.add_model(folder.path() / "none");
  files.add_input((folder.path() / "none").string());
  folder.write("out", "");
  CHECK_NOTHROW(files.refuse((folder.path() / "out").string(), "--output"));
}
