#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <fmt/format.h>

#include "api/c/embeddings.h"
#include "api/c/errors.h"
#include "api/c/options.h"
#include "api/c/texts.h"
#include "bgem3/bgem3.h"
#include "bgem3/c.h"

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
  return guarded_value([&] { return embedder_of(embedder).dimension(); });
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
  return guarded_value([&] { return to_string(embedder_of(embedder).info().dtype).data(); });
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
    if (count > 0) expect_pointer(out, "out");
    model.encode_into(read_texts(texts, lengths, count, "texts"), {out, out_floats}, wanted);
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
