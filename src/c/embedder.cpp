#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>

#include <fmt/format.h>

#include "bgem3/bgem3.h"
#include "bgem3/c.h"
#include "c/embeddings.h"
#include "c/errors.h"
#include "c/options.h"
#include "c/texts.h"

using namespace bgem3;
using namespace bgem3::c_api;

/// What the handle of C points to.
struct bgem3_embedder {  // NOLINT(readability-identifier-naming)
  Embedder embedder;
};

namespace {

const Embedder& embedder_of(const bgem3_embedder* handle) {
  expect_pointer(handle, "embedder");
  return handle->embedder;
}

// Before anything is computed: a truncate_dim that is too large is refused by encode().
void expect_room(const Embedder& embedder, const EncodeOptions& options, std::size_t count, const float* out,
                 std::size_t out_floats) {
  if (!options.dense || options.sparse || options.colbert) {
    refuse(fmt::format("bgem3_embedder_encode_into needs dense = 1, sparse = 0, colbert = 0, found {:d}, {:d}, {:d}",
                       options.dense, options.sparse, options.colbert));
  }
  const auto full = static_cast<std::size_t>(embedder.info().config.hidden_size);
  const std::size_t dimension = options.truncate_dim == 0 ? full : std::min(full, options.truncate_dim);
  if (count > std::numeric_limits<std::size_t>::max() / dimension || count * dimension > out_floats) {
    refuse(fmt::format("out should have room for {} x {} floats, found {}", count, dimension, out_floats));
  }
  if (count > 0) expect_pointer(out, "out");
}

}  // namespace

bgem3_status bgem3_embedder_load(const char* directory, const bgem3_load_options* options, bgem3_embedder** embedder) {
  return guarded([&] {
    clear(Result{embedder, "embedder"});
    expect_pointer(directory, "directory");
    *embedder = new bgem3_embedder{Embedder::load(directory, read_options(options))};
  });
}

void bgem3_embedder_free(bgem3_embedder* embedder) { delete embedder; }

size_t bgem3_embedder_dimension(const bgem3_embedder* embedder) {
  return guarded_value([&] { return static_cast<std::size_t>(embedder_of(embedder).info().config.hidden_size); });
}

size_t bgem3_embedder_max_length(const bgem3_embedder* embedder) {
  return guarded_value([&] { return static_cast<std::size_t>(embedder_of(embedder).info().config.max_length); });
}

bool bgem3_embedder_has_sparse(const bgem3_embedder* embedder) {
  return guarded_value([&] { return embedder_of(embedder).info().has_sparse(); });
}

bool bgem3_embedder_has_colbert(const bgem3_embedder* embedder) {
  return guarded_value([&] { return embedder_of(embedder).info().has_colbert(); });
}

size_t bgem3_embedder_colbert_dimension(const bgem3_embedder* embedder) {
  return guarded_value([&] { return static_cast<std::size_t>(embedder_of(embedder).info().colbert_size); });
}

const char* bgem3_embedder_dtype(const bgem3_embedder* embedder) {
  return guarded_value([&] { return embedder_of(embedder).info().dtype.c_str(); });
}

const char* bgem3_embedder_device(const bgem3_embedder* embedder) {
  return guarded_value([&] { return embedder_of(embedder).info().device.c_str(); });
}

bgem3_status bgem3_embedder_encode(const bgem3_embedder* embedder, const char* const* texts, const size_t* lengths,
                                   size_t count, const bgem3_encode_options* options, bgem3_embeddings** embeddings) {
  return guarded([&] {
    clear(Result{embeddings, "embeddings"});
    const Embedder& model = embedder_of(embedder);
    const auto wanted = read_options(options);
    const auto views = read_texts(texts, lengths, count, "texts");
    *embeddings = new bgem3_embeddings{model.encode(views, wanted), wanted.dense, wanted.sparse, wanted.colbert};
  });
}

bgem3_status bgem3_embedder_encode_into(const bgem3_embedder* embedder, const char* const* texts, const size_t* lengths,
                                        size_t count, const bgem3_encode_options* options, float* out,
                                        size_t out_floats) {
  return guarded([&] {
    const Embedder& model = embedder_of(embedder);
    const auto wanted = read_options(options);
    expect_room(model, wanted, count, out, out_floats);
    const Matrix dense = model.encode(read_texts(texts, lengths, count, "texts"), wanted).dense;
    std::copy_n(dense.data(), static_cast<std::size_t>(dense.size()), out);
  });
}

bgem3_status bgem3_embedder_tokenize(const bgem3_embedder* embedder, const char* text, size_t length, size_t max_length,
                                     int32_t* ids, size_t capacity, size_t* count) {
  return guarded([&] {
    clear(Result{count, "count"});
    const Embedder& model = embedder_of(embedder);
    if (capacity > 0) expect_pointer(ids, "ids");
    const TokenIds found = model.tokenize(read_text(text, length, "text"), max_length);
    *count = found.size();
    if (ids == nullptr) return;
    if (found.size() > capacity) {
      refuse(fmt::format("capacity should be at least {}, the ids of the text, found {}", found.size(), capacity));
    }
    std::copy(found.begin(), found.end(), ids);
  });
}
