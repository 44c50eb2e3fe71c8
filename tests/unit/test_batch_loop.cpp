#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "pipeline/batch_loop.h"

using namespace bgem3;

namespace {

// Writes down what a loop does with batches. Memory has room for so many texts, and some texts give no number in the
// first attempts.
class Recorder {
 public:
  struct Started {
    WorkItem item;
  };

  explicit Recorder(std::deque<Batch> batches) : batches_(std::move(batches)) {}

  std::optional<Batch> take() {
    if (batches_.empty()) return std::nullopt;
    Batch batch = std::move(batches_.front());
    batches_.pop_front();
    return batch;
  }

  std::optional<Started> start(const WorkItem& item) {
    steps.push_back("start " + name(item));
    if (item.batch.size() > room) return std::nullopt;
    most_started = std::max(most_started, ++started_);
    return Started{item};
  }

  std::array<WorkItem, 2> halve(const WorkItem& item) {
    steps.push_back("halve " + name(item));
    CHECK(started_ == 0);  // the one before has given its memory back
    const auto middle = item.batch.begin() + static_cast<std::ptrdiff_t>(item.batch.size() / 2);
    return {WorkItem{{item.batch.begin(), middle}, item.attempt}, WorkItem{{middle, item.batch.end()}, item.attempt}};
  }

  std::optional<WorkItem> finish(Started started) {
    steps.push_back("finish " + name(started.item));
    --started_;
    auto& item = started.item;
    const auto is_odd = [&](std::size_t text) { return odd.contains(text); };
    if (item.attempt != Attempt::float32 && std::ranges::any_of(item.batch, is_odd)) {
      const bool is_first = item.attempt == Attempt::first;
      return WorkItem{item.batch, is_first ? Attempt::without_graph : Attempt::float32};
    }
    done.insert(done.end(), item.batch.begin(), item.batch.end());
    return std::nullopt;
  }

  std::size_t room = 100;
  std::set<std::size_t> odd;
  std::vector<std::string> steps;
  std::vector<std::size_t> done;
  int most_started = 0;

 private:
  static std::string name(const WorkItem& item) {
    std::string name;
    for (const auto text : item.batch) name += std::to_string(text);
    return name + std::string(static_cast<std::size_t>(item.attempt), '\'');
  }

  std::deque<Batch> batches_;
  int started_ = 0;
};

using Steps = std::vector<std::string>;

}  // namespace

TEST_CASE("a GPU gets the next batch before the results of the last are waited for") {
  Recorder recorder({{0}, {1}, {2}});
  BatchLoop(recorder, true).run();
  CHECK(recorder.steps == Steps{"start 0", "start 1", "finish 0", "start 2", "finish 1", "finish 2"});
  CHECK(recorder.most_started == 2);
}

TEST_CASE("without starting ahead, each batch is finished before the next") {
  Recorder recorder({{0}, {1}});
  BatchLoop(recorder, false).run();
  CHECK(recorder.steps == Steps{"start 0", "finish 0", "start 1", "finish 1"});
  CHECK(recorder.most_started == 1);
}

TEST_CASE("no batches are no work") {
  Recorder recorder({});
  BatchLoop(recorder, true).run();
  CHECK(recorder.steps.empty());
}

TEST_CASE("halves come at once, the first one first, when the batch before has given its memory back") {
  Recorder recorder({{0}, {1, 2, 3, 4}, {5}});
  recorder.room = 1;
  BatchLoop(recorder, true).run();
  CHECK(recorder.steps == Steps{"start 0", "start 1234", "finish 0", "halve 1234", "start 12", "halve 12", "start 1",
                                "start 2", "finish 1", "start 34", "finish 2", "halve 34", "start 3", "start 4",
                                "finish 3", "start 5", "finish 4", "finish 5"});
}

TEST_CASE("what is computed again comes before the next batch, with the attempt that was asked for") {
  Recorder recorder({{0}, {1}, {2}});
  recorder.odd = {0};
  BatchLoop(recorder, true).run();
  CHECK(recorder.steps == Steps{"start 0", "start 1", "finish 0", "start 0'", "finish 1", "start 2", "finish 0'",
                                "start 0''", "finish 2", "finish 0''"});
}

TEST_CASE("the last batch, too, is computed again") {
  for (const bool starts_ahead : {false, true}) {
    CAPTURE(starts_ahead);
    Recorder recorder({{0, 1}});
    recorder.odd = {1};
    recorder.room = 1;
    BatchLoop(recorder, starts_ahead).run();
    CHECK(recorder.steps.back() == "finish 1''");
  }
}

TEST_CASE("whatever fails, each text is finished once and two batches are started at most") {
  for (const bool starts_ahead : {false, true}) {
    for (const std::size_t room : {1, 2, 3, 100}) {
      CAPTURE(starts_ahead);
      CAPTURE(room);
      Recorder recorder({{0, 1, 2, 3, 4, 5, 6}, {7, 8}, {9}, {10, 11, 12}});
      recorder.odd = {0, 5, 6, 9, 12};
      recorder.room = room;
      BatchLoop(recorder, starts_ahead).run();
      std::ranges::sort(recorder.done);
      CHECK(recorder.done == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
      CHECK(recorder.most_started == (starts_ahead ? 2 : 1));
    }
  }
}
