#include "api/c/options.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

#include "api/c/errors.h"
#include "bgem3/detail/message.h"

namespace bgem3::c_api {
namespace {

using detail::in_quotes;

// No struct of options comes near: whoever says so has not set struct_size.
constexpr std::size_t most_bytes = 4096;

// A struct of options as this library knows it.
template <typename Options>
struct Layout;

template <>
struct Layout<bgem3_load_options> {
  static constexpr const char* name = "bgem3_load_options";
  static constexpr std::size_t first_size = 9 * sizeof(void*) + 2 * sizeof(std::int32_t);
  static bgem3_load_options defaults() {
    const LoadOptions facade;
    bgem3_load_options options{};
    options.prepack = facade.prepack ? 1 : 0;
    options.cuda_graphs = facade.cuda_graphs ? 1 : 0;
    options.copy = facade.copy ? 1 : 0;
    return options;
  }
};

template <>
struct Layout<bgem3_encode_options> {
  static constexpr const char* name = "bgem3_encode_options";
  static constexpr std::size_t first_size = 9 * sizeof(void*) + 4 * sizeof(std::int32_t);
  static bgem3_encode_options defaults() {
    const EncodeOptions facade;
    bgem3_encode_options options{};
    options.dense = facade.dense ? 1 : 0;
    options.sparse = facade.sparse ? 1 : 0;
    options.colbert = facade.colbert ? 1 : 0;
    options.normalize = -1;
    return options;
  }
};

template <>
struct Layout<bgem3_rerank_options> {
  static constexpr const char* name = "bgem3_rerank_options";
  static constexpr std::size_t first_size = 8 * sizeof(void*);
  static bgem3_rerank_options defaults() { return {}; }
};

template <typename Options>
void expect_size(std::size_t size) {
  // Without padding, each byte beyond what one side knows belongs to a member that was added.
  static_assert(std::has_unique_object_representations_v<Options> && sizeof(Options) >= Layout<Options>::first_size);
  if (size >= Layout<Options>::first_size && size <= most_bytes) return;
  refuse(
      fmt::format("struct_size of {0} should be sizeof({0}), {1} bytes in this version, found {2}: "
                  "call {0}_init first",
                  Layout<Options>::name, sizeof(Options), size));
}

template <typename Options>
bgem3_status init(Options* options, std::size_t struct_size) noexcept {
  return guarded([&] {
    expect_pointer(options, "options");
    expect_size<Options>(struct_size);
    Options defaults = Layout<Options>::defaults();
    defaults.struct_size = struct_size;
    auto* bytes = reinterpret_cast<std::byte*>(options);
    std::fill_n(bytes, struct_size, std::byte{0});
    std::memcpy(bytes, &defaults, std::min(struct_size, sizeof defaults));
  });
}

// What the caller set, and the defaults of the members that its version of the struct has not.
template <typename Options>
Options known_part(const Options* options) {
  Options known = Layout<Options>::defaults();
  if (options == nullptr) return known;
  const std::size_t size = options->struct_size;
  expect_size<Options>(size);
  const auto* bytes = reinterpret_cast<const std::byte*>(options);
  for (std::size_t i = sizeof(Options); i < size; ++i) {
    if (bytes[i] == std::byte{0}) continue;
    refuse(
        fmt::format("{} should have {} bytes in bgem3 {}, found {} with something set at byte {}: a newer library is "
                    "needed for that option",
                    Layout<Options>::name, sizeof(Options), bgem3_version(), size, i));
  }
  std::memcpy(&known, bytes, std::min(size, sizeof known));
  return known;
}

bool read_flag(std::int32_t value, const char* name) {
  if (value != 0 && value != 1) refuse(fmt::format("{} should be 0 or 1, found {}", name, value));
  return value == 1;
}

std::optional<bool> read_normalize(std::int32_t value) {
  if (value == -1) return std::nullopt;
  if (value != 0 && value != 1) refuse(fmt::format("normalize should be 0, 1 or -1 (unset), found {}", value));
  return value == 1;
}

std::optional<Pooling> read_pooling(const char* name) {
  if (name == nullptr) return std::nullopt;
  if (const auto pooling = pooling_of_name(name)) return pooling;
  refuse(fmt::format("pooling should be {} or NULL, found {}", pooling_names(), in_quotes(name)));
}

TokenizerPipeline read_pipeline(const char* name) {
  if (name == nullptr) return TokenizerOptions{}.pipeline;
  return parse_pipeline(name);
}

unsigned read_count(std::size_t count, const char* name) {
  constexpr unsigned most = std::numeric_limits<unsigned>::max();
  if (count > most) refuse(fmt::format("{} should be at most {}, found {}", name, most, count));
  return static_cast<unsigned>(count);
}

ProgressCallback read_progress(bgem3_progress_callback callback, void* user_data) {
  if (callback == nullptr) return {};
  return [=](const Progress& progress) {
    const bgem3_progress reached = {progress.texts_done, progress.texts_total, progress.tokens_done,
                                    progress.tokens_total};
    return callback(&reached, user_data);
  };
}

bgem3_log_level log_level_of(LogLevel level) {
  switch (level) {
    case LogLevel::info: return BGEM3_LOG_INFO;
    case LogLevel::warning: return BGEM3_LOG_WARNING;
    case LogLevel::error: break;
  }
  return BGEM3_LOG_ERROR;
}

LogCallback read_log(bgem3_log_callback callback, void* user_data) {
  if (callback == nullptr) return {};
  return [=](LogLevel level, std::string_view message) {
    callback(log_level_of(level), std::string(message).c_str(), user_data);
  };
}

}  // namespace

LoadOptions read_options(const bgem3_load_options* options) {
  const bgem3_load_options given = known_part(options);
  LoadOptions result;
  if (given.device != nullptr) result.device = given.device;
  if (given.dtype != nullptr) result.dtype = parse_dtype(given.dtype);
  result.pooling = read_pooling(given.pooling);
  result.prepack = read_flag(given.prepack, "prepack");
  result.cuda_graphs = read_flag(given.cuda_graphs, "cuda_graphs");
  result.copy = read_flag(given.copy, "copy");
  if (given.reserved != 0) refuse(fmt::format("reserved should be 0, found {}", given.reserved));
  result.threads = read_count(given.threads, "threads");
  result.parallel_calls = read_count(given.parallel_calls, "parallel_calls");
  result.tokenizer.pipeline = read_pipeline(given.pipeline);
  result.on_log = read_log(given.on_log, given.user_data);
  return result;
}

EncodeOptions read_options(const bgem3_encode_options* options) {
  const bgem3_encode_options given = known_part(options);
  EncodeOptions result;
  result.dense = read_flag(given.dense, "dense");
  result.sparse = read_flag(given.sparse, "sparse");
  result.colbert = read_flag(given.colbert, "colbert");
  result.max_length = given.max_length;
  result.batch_size = given.batch_size;
  result.batch_tokens = given.batch_tokens;
  result.truncate_dim = given.truncate_dim;
  if (given.prompt != nullptr) result.prompt = given.prompt;
  if (given.prompt_name != nullptr) result.prompt_name = given.prompt_name;
  result.normalize = read_normalize(given.normalize);
  result.tokenizer_threads = read_count(given.tokenizer_threads, "tokenizer_threads");
  if (given.device != nullptr) result.device = given.device;
  result.on_progress = read_progress(given.on_progress, given.user_data);
  return result;
}

RerankOptions read_options(const bgem3_rerank_options* options) {
  const bgem3_rerank_options given = known_part(options);
  RerankOptions result;
  result.max_length = given.max_length;
  result.query_max_length = given.query_max_length;
  result.batch_size = given.batch_size;
  result.batch_tokens = given.batch_tokens;
  if (given.device != nullptr) result.device = given.device;
  result.on_progress = read_progress(given.on_progress, given.user_data);
  return result;
}

}  // namespace bgem3::c_api

using namespace bgem3;

bgem3_status bgem3_load_options_init(bgem3_load_options* options, size_t struct_size) {
  return c_api::init(options, struct_size);
}

bgem3_status bgem3_encode_options_init(bgem3_encode_options* options, size_t struct_size) {
  return c_api::init(options, struct_size);
}

bgem3_status bgem3_rerank_options_init(bgem3_rerank_options* options, size_t struct_size) {
  return c_api::init(options, struct_size);
}
