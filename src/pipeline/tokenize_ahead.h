#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <future>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "bgem3/tokenizer.h"

namespace bgem3 {

/// How many texts are tokenised at once. Each chunk is twice as long as the one before, up to `most`: the device starts
/// early, and chunks, whose last batches are not full, stay few.
struct ChunkSizes {
  std::size_t first;
  std::size_t most;
};

/// Calls use(ids) with the token ids of all texts, chunk after chunk in their order, on this thread. Beside it, another
/// thread runs tokenize(texts) for the next chunk. An exception of either ends it.
template <typename Tokenize, typename Use>
void tokenize_ahead(std::span<const std::string_view> texts, const ChunkSizes& sizes, const Tokenize& tokenize,
                    const Use& use) {
  std::size_t size = sizes.first;
  const auto take_chunk = [&] {
    const auto chunk = texts.first(std::min(size, texts.size()));
    texts = texts.subspan(chunk.size());
    size = std::min(2 * size, sizes.most);
    return chunk;
  };
  const auto start = [&](std::span<const std::string_view> chunk) {
    const auto work = [&tokenize, chunk] { return tokenize(chunk); };
    try {
      return std::async(std::launch::async, work);
    } catch (const std::system_error&) {
      return std::async(std::launch::deferred, work);  // the system gives no thread: this one does it, later
    }
  };
  std::vector<TokenIds> ids = tokenize(take_chunk());
  while (!texts.empty()) {
    auto next = start(take_chunk());
    use(std::move(ids));
    ids = next.get();
  }
  use(std::move(ids));
}

}  // namespace bgem3
