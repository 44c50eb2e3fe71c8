#include "support/doctest_torch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bgem3/batching_embedder.h"
#include "bgem3/bgem3.h"
#include "bgem3/reranker.h"
#include "bgem3/tensors/checkpoint.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

// What becomes of a loaded model when its files are changed.

using namespace bgem3;
using test::contains;
using test::expect_error;
namespace fs = std::filesystem;

namespace {

const std::string models = BGEM3_TEST_MODELS_DIR;
const std::vector<std::string> texts = {"Hello World", "", "a rather longer text, of more than a few words"};

EncodeOptions all_kinds() {
  EncodeOptions options;
  options.sparse = options.colbert = true;
  return options;
}

bool are_equal(const Embeddings& a, const Embeddings& b) {
  const auto same = [](const Matrix& x, const Matrix& y) {
    return std::equal(x.data(), x.data() + x.size(), y.data());
  };
  return same(a.dense, b.dense) && a.sparse == b.sparse && std::ranges::equal(a.colbert, b.colbert, same);
}

// A model directory that can be changed; its files are older than what is done to them.
class OwnModel {
 public:
  explicit OwnModel(const std::string& name, std::string weights = "model.safetensors") : weights_(std::move(weights)) {
    fs::copy(models + "/" + name, dir_.path(), fs::copy_options::recursive);
    for (const auto& entry : fs::directory_iterator(dir_.path())) {
      fs::permissions(entry, fs::perms::owner_write, fs::perm_options::add);
      const timespec times[] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
      REQUIRE(::utimensat(AT_FDCWD, entry.path().c_str(), times, 0) == 0);
    }
  }

  [[nodiscard]] const fs::path& path() const { return dir_.path(); }
  [[nodiscard]] fs::path weights() const { return path() / weights_; }

  void cut() const { fs::resize_file(weights(), 1000); }
  // Numbers as they could be, of others: the last quarter.
  void overwrite() const {
    const auto size = fs::file_size(weights());
    std::fstream file(weights(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 4 * 3));
    file << std::string(size / 4, '\x3C');
  }

 private:
  test::TempDir dir_;
  const std::string weights_;
};

template <typename Model>
std::string changed(const Model& model) {
  return expect_error(ErrorCode::model_changed, [&] { model.check_files(); });
}

}  // namespace

TEST_CASE("a model whose weights are cut gives an error and no signal, from then on") {
  const OwnModel model("nano");
  const auto embedder = Embedder::load(model.path());
  const auto before = embedder.encode(texts, all_kinds());
  CHECK_NOTHROW(embedder.check_files());
  model.cut();
  for (int i = 0; i < 2; ++i) {
    const auto message = expect_error(ErrorCode::model_changed, [&] { (void)embedder.encode(texts, all_kinds()); });
    CHECK(contains(message, "'" + model.weights().string() + "' was changed while it was in use: it had "));
    CHECK(contains(message, " bytes, now it has 1000; load the model again"));
  }
  CHECK(contains(changed(embedder), "now it has 1000"));
  CHECK(embedder.tokenize("Hello World").size() > 2);  // which needs no weights
  CHECK(embedder.encode(std::vector<std::string>()).dense.rows() == 0);
}

TEST_CASE("a model whose weights are overwritten never gives other vectors") {
  const OwnModel model("nano");
  const auto embedder = Embedder::load(model.path());
  const auto before = embedder.encode(texts, all_kinds());
  model.overwrite();
  expect_error(ErrorCode::model_changed, [&] { (void)embedder.encode(texts, all_kinds()); });
  CHECK_FALSE(are_equal(Embedder::load(model.path()).encode(texts, all_kinds()), before));  // the change matters
  expect_error(ErrorCode::model_changed, [&] { (void)embedder.encode(texts, all_kinds()); });
}

TEST_CASE("what was computed while the file changed does not get out, nor do hidden states") {
  for (const bool with_states : {false, true}) {
    CAPTURE(with_states);
    const OwnModel model("nano");
    const auto embedder = Embedder::load(model.path());
    int calls = 0, states = 0;
    EncodeOptions options;
    options.on_progress = [&](const Progress&) {
      if (++calls == 1) model.overwrite();
      return true;
    };
    if (with_states) options.on_hidden_states = [&](const HiddenStates&) { ++states; };
    expect_error(ErrorCode::model_changed, [&] { (void)embedder.encode(texts, options); });
    CHECK(states == (with_states ? 1 : 0));  // those before the change
  }
}

TEST_CASE("threads that compute while a file is cut get vectors as they were, or the error") {
  const OwnModel model("nano");
  const auto embedder = Embedder::load(model.path());
  const auto before = embedder.encode(texts, all_kinds());
  std::atomic<int> right = 0, refused = 0, wrong = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  const auto work = [&] {
    while (refused < 20 && std::chrono::steady_clock::now() < deadline) {
      try {
        ++(are_equal(embedder.encode(texts, all_kinds()), before) ? right : wrong);
      } catch (const Error& error) {
        ++(error.code() == ErrorCode::model_changed ? refused : wrong);
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(work);
  while (right < 5) std::this_thread::yield();
  model.cut();
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(refused >= 20);
}

TEST_CASE("other files of a name, other names of a file and other rights change nothing") {
  const OwnModel model("nano"), other("nano");
  const auto embedder = Embedder::load(model.path());
  const auto before = embedder.encode(texts, all_kinds());
  fs::permissions(model.weights(), fs::perms::owner_read);
  fs::create_hard_link(model.weights(), model.path() / "another name");
  CHECK(are_equal(embedder.encode(texts, all_kinds()), before));
  other.overwrite();
  fs::rename(other.weights(), model.weights());
  CHECK(are_equal(embedder.encode(texts, all_kinds()), before));
  CHECK_FALSE(are_equal(Embedder::load(model.path()).encode(texts, all_kinds()), before));
  fs::remove_all(model.path());
  CHECK(are_equal(embedder.encode(texts, all_kinds()), before));
}

TEST_CASE("a touched file counts as changed, as nothing else tells that it is not") {
  const OwnModel model("nano");
  const auto embedder = Embedder::load(model.path());
  fs::last_write_time(model.weights(), fs::file_time_type::clock::now());
  CHECK(contains(changed(embedder), "was written to, or touched"));
}

TEST_CASE("heads and shards are files of the model, too, where something lies in them") {
  LoadOptions mapped_all;
  mapped_all.prepack = false;
  for (const std::string file : {"sparse_linear.pt", "colbert_linear.pt"}) {
    CAPTURE(file);
    const OwnModel model("nano", file);
    const auto embedder = Embedder::load(model.path(), mapped_all);
    model.overwrite();
    CHECK(contains(changed(embedder), file));
  }
  const OwnModel shards("nano-shards");
  const auto embedder = Embedder::load(shards.path(), mapped_all);
  const auto& files = embedder.info().weight_files;
  REQUIRE(files.size() > 1);
  fs::resize_file(files.back(), 8);
  CHECK(contains(changed(embedder), files.back().filename().string()));
}

TEST_CASE("a reranker and the batches of many callers tell the same") {
  const OwnModel model("nano-reranker");
  const auto reranker = Reranker::load(model.path());
  const std::vector<TextPair> pairs = {{"a query", "a passage"}};
  CHECK(reranker.score(pairs).size() == 1);
  model.overwrite();
  expect_error(ErrorCode::model_changed, [&] { (void)reranker.score(pairs); });
  (void)changed(reranker);

  const OwnModel other("nano");
  BatchingEmbedder batching(Embedder::load(other.path()));
  CHECK(batching.submit({"a text"}).get().dense.rows() == 1);
  other.cut();
  std::vector<std::future<Embeddings>> answers;
  for (int i = 0; i < 8; ++i) answers.push_back(batching.submit({"a text", std::to_string(i)}));
  for (auto& answer : answers) expect_error(ErrorCode::model_changed, [&] { (void)answer.get(); });
}

TEST_CASE("a copy goes on, whatever becomes of the files") {
  LoadOptions options;
  options.copy = true;
  for (const auto* name : {"nano", "nano-f16", "nano-bin", "nano-shards"}) {
    CAPTURE(name);
    for (const bool prepack : {true, false}) {
      options.prepack = prepack;
      const OwnModel model(name);
      const auto mapped = Embedder::load(models + "/" + name).encode(texts, all_kinds());
      const auto embedder = Embedder::load(model.path(), options);
      for (const auto& entry : fs::recursive_directory_iterator(model.path())) {
        if (entry.is_regular_file()) fs::resize_file(entry, 0);
      }
      const auto found = embedder.encode(texts, all_kinds());
      CHECK(found.dense.rows() == texts.size());
      if (prepack) CHECK(are_equal(found, mapped));
      CHECK_NOTHROW(embedder.check_files());
    }
  }
}

TEST_CASE("files that all was converted from are of no consequence") {
  const OwnModel model("nano-f16");
  const auto embedder = Embedder::load(model.path());
  EncodeOptions dense;
  const auto before = embedder.encode(texts, dense);
  model.cut();
  CHECK(are_equal(embedder.encode(texts, dense), before));
  CHECK_NOTHROW(embedder.check_files());
}

TEST_CASE("a change is logged once, as an error") {
  const OwnModel model("nano");
  std::vector<std::string> errors;
  LoadOptions options;
  options.on_log = [&](LogLevel level, std::string_view line) {
    if (level == LogLevel::error) errors.emplace_back(line);
  };
  const auto embedder = Embedder::load(model.path(), options);
  model.cut();
  (void)changed(embedder);
  for (int i = 0; i < 3; ++i) {
    expect_error(ErrorCode::model_changed, [&] { (void)embedder.encode(texts); });
  }
  REQUIRE(errors.size() == 1);
  CHECK(contains(errors.front(), model.weights().string()));
}

TEST_CASE("a file that changes while it is loaded is an error that says so") {
  const OwnModel model("nano"), whole("nano");
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) {
      model.cut();
      fs::copy_file(whole.weights(), model.weights(), fs::copy_options::overwrite_existing);
    }
  });
  int changes = 0;
  for (int i = 0; i < 300 && changes < 5; ++i) {
    try {
      (void)Embedder::load(model.path());
    } catch (const Error& error) {
      // Of a file that is cut already, and stays so while it is looked at, nothing tells that it was another.
      if (error.code() == ErrorCode::model_changed) ++changes;
      CHECK(error.code() != ErrorCode::internal);
    }
  }
  done = true;
  writer.join();
  CHECK(changes == 5);
}

TEST_CASE("building blocks can ask their checkpoint") {
  const OwnModel model("nano");
  const auto checkpoint = Checkpoint::open_directory(model.path());
  CHECK_NOTHROW(checkpoint.expect_unchanged());
  model.cut();
  for (const auto& entry : checkpoint.tensors()) CHECK_NOTHROW((void)entry.second.sum());
  CHECK(contains(expect_error(ErrorCode::model_changed, [&] { checkpoint.expect_unchanged(); }), "model.safetensors"));
}
