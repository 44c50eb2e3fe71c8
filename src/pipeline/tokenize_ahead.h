#pragma once

#include <algorithm>
#include <cstddef>
#include <future>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/process_mark.h"
#include "bgem3/tokenizer.h"

namespace bgem3 {

/// How much is tokenised at once, in bytes of text, each text counting one more. Each chunk is twice as long as the one
/// before, up to `most`: the device starts early, and chunks, whose last batches are not full, stay few.
struct ChunkSizes {
  std::size_t first;
  std::size_t most;
};

/// How many of the texts make a chunk of `bytes`: one at least, if there is one.
inline std::size_t count_chunk_texts(std::span<const std::string_view> texts, std::size_t bytes) {
  std::size_t count = 0;
  for (std::size_t seen = 0; count < texts.size() && seen < bytes; ++count) seen += texts[count].size() + 1;
  return count;
}

/// Calls use(ids) with the token ids of all texts, chunk after chunk in their order, on this thread. Beside it, another
/// thread runs tokenize(texts) for the next chunk. An exception of either ends it.
template <typename Tokenize, typename Use>
void tokenize_ahead(std::span<const std::string_view> texts, const ChunkSizes& sizes, const Tokenize& tokenize,
                    const Use& use) {
  std::size_t size = sizes.first;
  const auto take_chunk = [&] {
    const auto chunk = texts.first(count_chunk_texts(texts, size));
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
    const auto next = make_owned_here<std::future<std::vector<TokenIds>>>(start(take_chunk()));
    use(std::move(ids));
    ids = next->get();
  }
  use(std::move(ids));
}

}  // namespace bgem3
