#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "bgem3/tokenizer.h"

namespace bgem3 {

/// Cuts words into the pieces of a vocabulary. Immutable: any number of threads may use one at once, each with working
/// memory of its own.
class TokenModel {
 public:
  /// Working memory, kept between words to save allocations.
  struct Scratch {
    Scratch() = default;
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    virtual ~Scratch() = default;
  };

  TokenModel() = default;
  TokenModel(const TokenModel&) = delete;
  TokenModel& operator=(const TokenModel&) = delete;
  virtual ~TokenModel() = default;

  [[nodiscard]] virtual std::unique_ptr<Scratch> make_scratch() const { return std::make_unique<Scratch>(); }

  /// Appends the ids of one word (valid UTF-8), at least until there are `ids_max`.
  /// @param scratch  of make_scratch()
  /// @param ends     takes the end in the word of each of them, unless it is null
  virtual void segment(std::string_view word, std::size_t ids_max, Scratch& scratch, TokenIds& ids,
                       std::vector<std::size_t>* ends) const = 0;
};

}  // namespace bgem3
