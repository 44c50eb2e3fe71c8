#include "file/mapped_file.h"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/expect_error.h"
#include "support/temp_dir.h"

using namespace bgem3;
using namespace bgem3::test;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t page = 4096;

// Sets when the file was last written to, because what follows within one tick of the clock has the same time on older
// systems.
void set_time(const fs::path& file, std::int64_t seconds) {
  const timespec times[] = {{seconds, 0}, {seconds, 0}};
  (void)::utimensat(AT_FDCWD, file.c_str(), times, 0);
}

constexpr std::int64_t long_ago = 1'000'000'000;

fs::path write_old(const TempDir& dir, const char* name, const std::string& contents) {
  const auto file = dir.write(name, contents);
  set_time(file, long_ago);
  return file;
}

void overwrite(const fs::path& file, const std::string& contents) {
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary) << contents;
}

std::string changed(const MappedFile& file) {
  return expect_error(ErrorCode::model_changed, [&] { file.expect_unchanged(); });
}

bool all_are(const MappedFile& file, char wanted) {
  return std::ranges::all_of(file.bytes(), [&](std::byte byte) { return byte == std::byte(wanted); });
}

}  // namespace

TEST_CASE("a file that is cut shorter is told, and its lost pages are zeros, on any thread") {
  const TempDir dir;
  const auto path = write_old(dir, "weights", std::string(64 * page, 'a'));
  const auto file = MappedFile::open(path);
  CHECK(all_are(*file, 'a'));
  CHECK_NOTHROW(file->expect_unchanged());
  fs::resize_file(path, page + 1);
  std::vector<std::thread> threads;
  for (std::size_t i = 2; i < 64; i += 8) {
    threads.emplace_back([&, i] { CHECK(file->bytes()[i * page] == std::byte{0}); });
  }
  for (auto& thread : threads) thread.join();
  CHECK(file->bytes()[page] == std::byte('a'));
  const auto message = changed(*file);
  CHECK(contains(message, path.string()));
  CHECK(contains(message, "it had 262144 bytes, now it has 4097"));
  CHECK(contains(message, "load the model again"));
  CHECK(contains(message, "renaming"));
}

TEST_CASE("a file of no bytes any more is told") {
  const TempDir dir;
  const auto path = write_old(dir, "weights", "abc");
  const auto file = MappedFile::open(path);
  fs::resize_file(path, 0);
  CHECK(file->bytes()[0] == std::byte{0});
  CHECK(contains(changed(*file), "it had 3 bytes, now it has 0"));
}

TEST_CASE("a file that is written to, touched or appended to has changed") {
  const TempDir dir;
  const auto written = write_old(dir, "written", std::string(page, 'a'));
  const auto file = MappedFile::open(written);
  overwrite(written, "b");
  CHECK(contains(changed(*file), "was written to, or touched"));

  const auto touched = write_old(dir, "touched", "abc");
  const auto second = MappedFile::open(touched);
  set_time(touched, long_ago + 1);
  CHECK(contains(changed(*second), "was written to, or touched"));

  const auto grown = write_old(dir, "grown", "abc");
  const auto third = MappedFile::open(grown);
  fs::resize_file(grown, 4);
  CHECK(contains(changed(*third), "it had 3 bytes, now it has 4"));
}

TEST_CASE("what has changed stays changed") {
  const TempDir dir;
  const auto path = write_old(dir, "weights", "abc");
  const auto file = MappedFile::open(path);
  overwrite(path, "x");
  (void)changed(*file);
  overwrite(path, "a");
  set_time(path, long_ago);
  (void)changed(*file);
  CHECK_NOTHROW(MappedFile::open(path)->expect_unchanged());
}

TEST_CASE("other names, rights and a new file of the name are no change") {
  const TempDir dir;
  const auto path = write_old(dir, "weights", std::string(page, 'a'));
  const auto file = MappedFile::open(path);
  fs::permissions(path, fs::perms::owner_read);
  fs::create_hard_link(path, dir.path() / "link");
  fs::remove(dir.path() / "link");
  fs::rename(path, dir.path() / "moved");
  fs::rename(dir.path() / "moved", path);
  CHECK_NOTHROW(file->expect_unchanged());
  fs::rename(dir.write("new", std::string(2 * page, 'b')), path);
  CHECK_NOTHROW(file->expect_unchanged());
  CHECK(all_are(*file, 'a'));
  CHECK(all_are(*MappedFile::open(path), 'b'));
  fs::remove(path);
  CHECK_NOTHROW(file->expect_unchanged());
}

TEST_CASE("a copy is what the file was, whatever becomes of that") {
  const TempDir dir;
  const auto path = write_old(dir, "weights", std::string(3 * page + 5, 'a'));
  const auto file = MappedFile::read(path);
  fs::resize_file(path, 1);
  file->release_pages();  // of which there is no other copy
  CHECK(file->bytes().size() == 3 * page + 5);
  CHECK(all_are(*file, 'a'));
  CHECK_NOTHROW(file->expect_unchanged());
  CHECK(contains(expect_error(ErrorCode::io_error, [&] { (void)MappedFile::read(dir.write("empty", "")); }), "empty"));
}

TEST_CASE("a copy is given back from its front") {
  const TempDir dir;
  const auto file = MappedFile::read(write_old(dir, "weights", std::string(3 * page, 'a')));
  file->forget_before(2 * page + 1);
  CHECK(file->bytes()[2 * page] == std::byte('a'));
  CHECK(file->bytes()[2 * page - 1] == std::byte{0});
}

TEST_CASE("any number of files is watched, and each has changes of its own") {
  const TempDir dir;
  constexpr std::size_t count = 300;
  for (int round = 0; round < 2; ++round) {  // addresses and entries are used again
    std::vector<std::shared_ptr<const MappedFile>> files;
    for (std::size_t i = 0; i < count; ++i) {
      files.push_back(MappedFile::open(write_old(dir, std::to_string(i).c_str(), std::string(3 * page, 'a'))));
    }
    for (std::size_t i = 0; i < count; i += 3) fs::resize_file(dir.path() / std::to_string(i), 1);
    for (std::size_t i = 0; i < count; ++i) {
      CAPTURE(i);
      CHECK(files[i]->bytes()[2 * page] == std::byte(i % 3 == 0 ? 0 : 'a'));
      CHECK(files[i]->find_change().has_value() == (i % 3 == 0));
    }
  }
}

TEST_CASE("files are opened and dropped by some threads while others lose pages") {
  const TempDir dir;
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto path = dir.path() / std::to_string(t);
      for (int round = 0; round < 100; ++round) {
        std::ofstream(path, std::ios::binary) << std::string(4 * page, 'a');
        const auto file = MappedFile::open(path);
        const bool is_whole = file->bytes()[3 * page] == std::byte('a') && !file->find_change();
        fs::resize_file(path, page);
        const bool is_lost = file->bytes()[3 * page] == std::byte{0} && file->find_change();
        if (!is_whole || !is_lost) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("text that is written to while it is read is refused") {
  const TempDir dir;
  constexpr std::size_t size = 32 << 20;
  const auto path = write_old(dir, "config.json", std::string(size, ' '));
  for (const bool is_cut : {true, false}) {
    CAPTURE(is_cut);
    std::atomic<bool> done = false;
    std::thread writer([&] {
      for (std::int64_t i = 1; !done; ++i) {
        is_cut ? fs::resize_file(path, size - static_cast<std::size_t>(i % 2)) : set_time(path, long_ago + i);
      }
    });
    std::string message;
    for (int tries = 0; tries < 100 && message.empty(); ++tries) {
      try {
        (void)read_text_file(path, size);
      } catch (const Error& error) {
        message = error.what();
        CHECK(error.code() == ErrorCode::model_changed);
      }
    }
    done = true;
    writer.join();
    CHECK(contains(message, "'" + path.string() + "' was changed while it was read"));
  }
}
