#include "batching/batch_worker.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace bgem3 {
namespace {

std::set<QueuedRequest*> requests_of(const std::vector<BatchItem>& batch) {
  std::set<QueuedRequest*> requests;
  for (const auto& item : batch) requests.insert(item.request.get());
  return requests;
}

BatchReport describe(const std::vector<BatchItem>& batch, Clock::duration compute) {
  BatchReport report{requests_of(batch).size(), batch.size(), 0, compute};
  for (const auto& [request, text] : batch) report.tokens += request->ids()[text].size();
  return report;
}

}  // namespace

void BatchWorker::run() {
  for (bool open = true; open;) {
    std::vector<BatchItem> batch;
    try {
      batch = queue_.take();
      open = !batch.empty();
      if (open) run(batch);
    } catch (...) {  // no memory, say: those who wait get to know, and the thread goes on
      last_progress_ = 0;
      for (const auto& item : batch) {
        queue_.remove(*item.request);
        item.request->fail(std::current_exception());
      }
    }
    batch.clear();
    queue_.forget_responded();
  }
}

void BatchWorker::run(const std::vector<BatchItem>& batch) {
  const auto started = Clock::now();
  last_progress_ = started.time_since_epoch().count();
  for (QueuedRequest* request : requests_of(batch)) request->start(started);
  compute(batch);
  last_progress_ = 0;
  if (options_.on_batch && process_.is_here()) options_.on_batch(describe(batch, Clock::now() - started));
}

void BatchWorker::compute(const std::vector<BatchItem>& batch) {
  try {
    encode_together(batch);
  } catch (...) {
    // One bad text should fail its own request only. A request that is done already wants no second try.
    const auto requests = requests_of(batch);
    const auto waiting =
        std::count_if(requests.begin(), requests.end(), [](auto* request) { return !request->is_done(); });
    if (waiting > 1) return compute_each_alone(batch);
    for (QueuedRequest* request : requests) {
      queue_.remove(*request);
      request->fail(std::current_exception());
    }
  }
}

void BatchWorker::compute_each_alone(const std::vector<BatchItem>& batch) {
  std::map<QueuedRequest*, std::vector<BatchItem>> parts;
  for (const auto& item : batch) parts[item.request.get()].push_back(item);
  for (const auto& [request, part] : parts) {
    if (!request->is_done()) compute(part);
  }
}

void BatchWorker::encode_together(const std::vector<BatchItem>& batch) {
  QueuedTexts texts;
  texts.ids.reserve(batch.size());
  std::size_t longest = 2;  // the least that is allowed
  for (const auto& [request, text] : batch) {
    request->copy_to(texts, text);
    longest = std::max(longest, texts.ids.back().size());
  }
  EncodeOptions options = batch.front().request->encode_options();
  options.max_length = longest;  // each text was cut to its request's
  options.batch_size = batch.size();
  options.batch_tokens = std::numeric_limits<std::size_t>::max();
  options.on_progress = [&](const Progress&) { return report_progress(batch); };
  const auto started = Clock::now();
  Embeddings embeddings = encode_(std::move(texts), options);
  queue_.expect_more(batch, Clock::now() - started);
  for (std::size_t row = 0; row < batch.size(); ++row) batch[row].request->store(batch[row].text, embeddings, row);
}

// False stops a batch that nobody waits for any more.
bool BatchWorker::report_progress(const std::vector<BatchItem>& batch) {
  last_progress_ = Clock::now().time_since_epoch().count();
  return std::any_of(batch.begin(), batch.end(), [](const BatchItem& item) { return !item.request->is_done(); });
}

void BatchWorker::count(BatchingStatistics& statistics) const {
  const Clock::rep last = last_progress_;
  if (last == 0) return;
  ++statistics.running_batches;
  const auto stalled = Clock::now() - Clock::time_point(Clock::duration(last));
  statistics.stalled = std::max<std::chrono::nanoseconds>(statistics.stalled, stalled);
}

}  // namespace bgem3
