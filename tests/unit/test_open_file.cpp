#include "file/open_file.h"

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "file/mapped_file.h"
#include "support/expect_error.h"
#include "support/special_files.h"
#include "support/temp_dir.h"

using namespace bgem3;
using test::contains;
using test::expect_error;

namespace {

void expect_refused(const std::filesystem::path& path, const std::string& kind) {
  const std::string expected = "'" + path.string() + "' is " + kind + "; a regular file was expected";
  CHECK(expect_error(ErrorCode::io_error, [&] { MappedFile::open(path); }) == expected);
  CHECK(expect_error(ErrorCode::io_error, [&] { read_text_file(path, 100); }) == expected);
}

}  // namespace

TEST_CASE("only regular files are read, and nothing is waited for") {
  const test::TempDir dir;
  const auto path = [&](const char* name) { return dir.path() / name; };
  test::make_fifo(path("fifo"));
  expect_refused(path("fifo"), "a FIFO");
  test::make_socket(path("socket"));
  expect_refused(path("socket"), "a socket");
  std::filesystem::create_directory(path("directory"));
  expect_refused(path("directory"), "a directory");
  std::filesystem::create_symlink("/dev/zero", path("zero"));
  expect_refused(path("zero"), "a character device");
  std::filesystem::create_symlink("fifo", path("link"));
  expect_refused(path("link"), "a FIFO");
}

TEST_CASE("links are followed to their end, if they have one") {
  const test::TempDir dir;
  dir.write("file", "text");
  std::filesystem::create_symlink("file", dir.path() / "link");
  CHECK(read_text_file(dir.path() / "link", 4) == "text");
  CHECK(is_there(dir.path() / "link"));
  test::make_loop(dir.path() / "loop");
  for (const auto& work : {+[](const std::filesystem::path& at) { read_text_file(at, 4); },
                           +[](const std::filesystem::path& at) { (void)is_there(at); }}) {
    const auto message = expect_error(ErrorCode::io_error, [&] { work(dir.path() / "loop"); });
    CHECK(contains(message, "loop' cannot be read: Too many levels of symbolic links"));
  }
}

TEST_CASE("a link to nothing is not taken for a file that is not there") {
  const test::TempDir dir;
  CHECK_FALSE(is_there(dir.path() / "none"));
  CHECK_FALSE(is_there(dir.path() / "none" / "none"));
  dir.write("file", "");
  CHECK_FALSE(is_there(dir.path() / "file" / "none"));
  std::filesystem::create_symlink("none", dir.path() / "link");
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { (void)is_there(dir.path() / "link"); }),
                 "link' is a link to a file that is missing; the download may be incomplete"));
}

TEST_CASE("a file has a size that it may have") {
  const test::TempDir dir;
  CHECK(read_text_file(dir.write("four", "text"), 4) == "text");
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { read_text_file(dir.path() / "four", 3); }),
                 "has 4 bytes, 3 at most were expected"));
  test::make_sparse(dir.path() / "sparse");
  CHECK(contains(expect_error(ErrorCode::bad_model, [&] { read_text_file(dir.path() / "sparse", 1 << 20); }),
                 "has 1099511627776 bytes"));
}

TEST_CASE("a name that is not UTF-8 can be opened, and be told") {
  const test::TempDir dir;
  CHECK(read_text_file(dir.write("a\xff", "text"), 4) == "text");
  CHECK(contains(expect_error(ErrorCode::io_error, [&] { read_text_file(dir.path() / "b\xff\x1b", 4); }),
                 "b\\xff\\x1b' cannot be read: No such file or directory"));
}
