#include "support/doctest_torch.h"

#include <chrono>
#include <cstddef>
#include <future>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bgem3/bgem3.h"
#include "model/loaded_model.h"
#include "pipeline/pipeline.h"
#include "pipeline/tokenize_ahead.h"
#include "support/changed_weights.h"
#include "support/embeddings.h"
#include "support/expect_error.h"

using namespace bgem3;
using test::all_kinds;
using test::check_close;
using test::contains;
using test::expect_error;

namespace {

using Texts = std::span<const std::string_view>;

constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();

std::vector<TokenIds> first_letters(Texts texts) {
  std::vector<TokenIds> ids;
  for (const auto text : texts) ids.push_back({text.front()});
  return ids;
}

const LoadedModel& tiny() {
  static const LoadedModel loaded = load_directory(BGEM3_TEST_MODELS_DIR "/tiny", {}, ModelKind::embedder);
  return loaded;
}

Embeddings encode(const std::vector<std::string>& texts, const EncodeOptions& options, const ChunkSizes& chunks,
                  const LoadedModel& loaded = tiny()) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  return run_pipeline(loaded, views, options, chunks);
}

// With repetitions near and far.
std::vector<std::string> sample_texts() {
  std::vector<std::string> texts = {"Hello World", "", "Hello World"};
  for (int i = 1; i < 30; ++i) {
    std::string& text = texts.emplace_back();
    for (int word = 0; word < i * 7 % 60; ++word) text += "word" + std::to_string(word * i) + " ";
  }
  texts.insert(texts.end(), {"Hello World", "", texts[5], "new", "new"});
  return texts;
}

}  // namespace

TEST_CASE("chunks double up to a limit, and all texts come in order") {
  std::vector<std::string> letters;
  for (char letter = 'a'; letter <= 'z'; ++letter) letters.emplace_back(1, letter);
  const std::vector<std::string_view> texts(letters.begin(), letters.end());
  std::vector<std::size_t> sizes;
  std::string seen;
  tokenize_ahead(texts, {4, 16}, first_letters, [&](std::vector<TokenIds> ids) {
    sizes.push_back(ids.size());
    for (const auto& text : ids) seen += static_cast<char>(text[0]);
  });
  CHECK(sizes == std::vector<std::size_t>{2, 4, 8, 8, 4});
  CHECK(seen == "abcdefghijklmnopqrstuvwxyz");
}

TEST_CASE("a chunk has as many texts as it takes to fill it, and one at least") {
  const std::vector<std::string_view> texts = {"", "12345", "1", ""};
  CHECK(count_chunk_texts({}, 100) == 0);
  CHECK(count_chunk_texts(texts, 1) == 1);
  CHECK(count_chunk_texts(texts, 2) == 2);
  CHECK(count_chunk_texts(texts, 7) == 2);
  CHECK(count_chunk_texts(texts, 8) == 3);
  CHECK(count_chunk_texts(texts, everything) == 4);
  CHECK(count_chunk_texts(Texts(texts).subspan(1), 1) == 1);
}

TEST_CASE("no texts are one empty chunk") {
  int calls = 0;
  tokenize_ahead({}, {everything, everything}, first_letters, [&](const std::vector<TokenIds>& ids) {
    ++calls;
    CHECK(ids.empty());
  });
  CHECK(calls == 1);
}

TEST_CASE("the next chunk is tokenised while the last is used") {
  const std::vector<std::string_view> texts(3, "x");
  std::vector<std::promise<void>> tokenised(3);
  std::size_t chunk = 0, used = 0;
  const auto tokenize = [&](Texts part) {
    tokenised[chunk++].set_value();
    return first_letters(part);
  };
  tokenize_ahead(texts, {1, 1}, tokenize, [&](const std::vector<TokenIds>&) {
    if (++used == texts.size()) return;
    CHECK((tokenised[used].get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready));
  });
  CHECK(used == 3);
}

TEST_CASE("a failure on either side ends it") {
  const std::vector<std::string_view> texts(4, "x");
  int used = 0;
  CHECK_THROWS_AS(tokenize_ahead(texts, {1, 1}, first_letters,
                                 [&](const std::vector<TokenIds>&) {
                                   if (++used == 2) throw std::out_of_range("use");
                                 }),
                  std::out_of_range);
  CHECK(used == 2);
  int chunks = 0;
  const auto fail_late = [&](Texts part) {
    if (++chunks == 3) throw std::domain_error("tokenize");
    return first_letters(part);
  };
  used = 0;
  CHECK_THROWS_AS(tokenize_ahead(texts, {1, 1}, fail_late, [&](const std::vector<TokenIds>&) { ++used; }),
                  std::domain_error);
  CHECK(used == 2);
}

TEST_CASE("results do not depend on chunks") {
  const auto texts = sample_texts();
  const Embeddings expected = encode(texts, all_kinds(), {everything, everything});
  for (const ChunkSizes chunks : {ChunkSizes{1, 1}, {100, 400}, {500, 700}, {4000, 4000}, {2000, 100000}}) {
    CAPTURE(chunks.first);
    check_close(encode(texts, all_kinds(), chunks), expected, 1e-5);
  }
}

TEST_CASE("where batches are equal, results are") {
  std::vector<std::string> texts;
  for (int i = 20; i > 0; --i) {
    std::string& text = texts.emplace_back();
    for (int word = 0; word < 3 * i; ++word) text += "word ";
  }
  EncodeOptions options = all_kinds();
  options.batch_size = 1;
  check_close(encode(texts, options, {560, 2000}), encode(texts, options, {everything, everything}), 0);
}

TEST_CASE("equal texts of different chunks are computed once") {
  const auto count_calls = [](const std::vector<std::string>& texts) {
    int calls = 0;
    EncodeOptions options;
    options.on_progress = [&](const Progress&) { return ++calls > 0; };
    (void)encode(texts, options, {1, 1});
    return calls;
  };
  // Each of the others is done at once, and reported.
  CHECK(count_calls({"one", "two", "one", "two", "one", "three"}) == 3 * count_calls({"one"}) + 3);
}

TEST_CASE("progress stays true while texts are still to be tokenised") {
  const auto texts = sample_texts();
  EncodeOptions options;
  options.batch_size = 2;
  Progress last;
  bool was_unknown = false;
  options.on_progress = [&](const Progress& progress) {
    CHECK(progress.texts_total == texts.size());
    CHECK(progress.texts_done >= last.texts_done);
    CHECK(progress.tokens_done >= last.tokens_done);
    CHECK((progress.tokens_total == 0 || progress.tokens_done <= progress.tokens_total));
    CHECK((progress.tokens_total == last.tokens_total || last.tokens_total == 0));
    was_unknown = was_unknown || progress.tokens_total == 0;
    last = progress;
    return true;
  };
  const Embeddings e = encode(texts, options, {500, 1000});
  CHECK(was_unknown);
  CHECK(last.texts_done == texts.size());
  CHECK(last.tokens_total == std::accumulate(e.token_counts.begin(), e.token_counts.end(), std::size_t{0}));
  CHECK(last.tokens_done == last.tokens_total);
}

TEST_CASE("a call can be stopped between chunks, also by texts that were computed before") {
  EncodeOptions options;
  options.on_progress = [](const Progress& progress) { return progress.texts_done < 3; };
  const auto message = expect_error(ErrorCode::cancelled, [&] { (void)encode({"a", "b", "a", "a"}, options, {4, 4}); });
  CHECK(contains(message, "after 4 of 4 texts"));
  CHECK(encode({"after"}, {}, {1, 1}).dense.rows() == 1);
}

TEST_CASE("an error names a text by its place in the call") {
  LoadedModel damaged{tiny().models, tiny().computing, tiny().tokenizer, tiny().info, std::make_unique<DeviceUse>(1)};
  test::change_weights(damaged.models[0], [](bert::Weights& weights) {
    at::Tensor& words = weights.input.word;
    words = words.clone();
    words[tiny().tokenizer.encode("broken")[1]].fill_(std::numeric_limits<float>::quiet_NaN());
  });
  const auto message = expect_error(ErrorCode::bad_model, [&] {
    (void)encode({"a", "b", "c", "a", "b", "broken", "d"}, {}, {4, 4}, damaged);
  });
  CHECK(contains(message, "text 5 of the call"));
}

TEST_CASE("options that do not fit are refused before anything is computed") {
  EncodeOptions options;
  options.dense = false;
  expect_error(ErrorCode::invalid_argument, [&] { (void)encode({}, options, {1, 1}); });
  options = {};
  options.max_length = 1;
  expect_error(ErrorCode::invalid_argument, [&] { (void)encode({"a"}, options, {1, 1}); });
}
