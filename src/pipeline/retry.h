#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "model/model.h"
#include "pipeline/call_work.h"
#include "pipeline/caller.h"
#include "pipeline/work_item.h"

namespace bgem3 {

/// What is tried when a batch has failed: two halves when memory has run out, other arithmetic when a result is not a
/// number. Every other failure goes up as it is.
class Retry {
 public:
  /// `kind`: what a message calls a text.
  Retry(const Model& model, const CallWork& work, const char* kind, Caller& caller)
      : model_(model), work_(work), kind_(kind), caller_(caller) {}

  /// Runs start(), and keeps the reason when memory has no room; then there is no result.
  template <typename Start>
  auto unless_out_of_memory(const Start& start) -> std::optional<decltype(start())> {
    try {
      return start();
    } catch (...) {
      keep_reason_or_rethrow();
      return std::nullopt;
    }
  }

  /// Halves a batch that had no room, and remembers for later calls that there is no more.
  /// @throws Error out_of_memory for a single text
  std::array<WorkItem, 2> halve(const WorkItem& item);

  /// The next attempt at a batch in which the results of `text` are not numbers.
  /// @throws Error bad_model when there is none
  WorkItem after_not_a_number(WorkItem item, std::size_t text);

 private:
  void keep_reason_or_rethrow();
  void remember_fit(std::size_t tokens);
  [[noreturn]] void refuse_not_a_number(Attempt attempt, std::size_t text) const;

  const Model& model_;
  const CallWork& work_;
  const char* const kind_;
  Caller& caller_;
  std::string out_of_memory_;  // the reason of the last batch that had no room
};

}  // namespace bgem3
