#include "pipeline/call_work.h"

#include <utility>

namespace bgem3 {

CallWork::CallWork(const DistinctTexts& texts, std::size_t texts_total) : texts_(texts) {
  progress_.texts_total = texts_total;
}

void CallWork::take_new_texts() {
  first_ = token_counts_.size();
  for (std::size_t i = first_; i < texts_.ids.size(); ++i) token_counts_.push_back(texts_.ids[i].size());
  const std::lock_guard lock(mutex_);
  for (; texts_seen_ < texts_.text_of.size(); ++texts_seen_) {
    const std::size_t text = texts_.text_of[texts_seen_];
    tokens_seen_ += token_counts_[text];
    if (text >= first_) continue;
    ++progress_.texts_done;
    progress_.tokens_done += token_counts_[text];
  }
  if (texts_seen_ == progress_.texts_total) progress_.tokens_total = tokens_seen_;
}

std::size_t CallWork::plan(const BatchLimits& limits) {
  batches_ = plan_batches(new_token_counts(), limits);
  for (auto& batch : batches_) {
    for (auto& text : batch) text += first_;
  }
  next_ = 0;
  return batches_.size();
}

std::optional<Batch> CallWork::take() {
  const std::lock_guard lock(mutex_);
  if (failed_ || next_ == batches_.size()) return std::nullopt;
  return std::move(batches_[next_++]);
}

void CallWork::finish(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  for (const auto text : batch) {
    progress_.texts_done += texts_.copies[text];
    progress_.tokens_done += texts_.copies[text] * token_counts_[text];
  }
}

Progress CallWork::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

void CallWork::fail(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  failed_ = true;
}

void CallWork::rethrow() const {
  if (failed_) std::rethrow_exception(error_);
}

void CallWork::start_helper() {
  const std::lock_guard lock(mutex_);
  ++helpers_;
}

void CallWork::nudge() {
  const std::lock_guard lock(mutex_);
  ++nudges_;
  nudged_.notify_one();
}

void CallWork::end_helper() {
  const std::lock_guard lock(mutex_);
  --helpers_;
  nudged_.notify_one();
}

bool CallWork::wait_for_nudge() {
  std::unique_lock lock(mutex_);
  nudged_.wait(lock, [this] { return helpers_ == 0 || nudges_ != nudges_seen_; });
  return std::exchange(nudges_seen_, nudges_) != nudges_;
}

}  // namespace bgem3
