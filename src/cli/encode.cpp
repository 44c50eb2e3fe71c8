#include <algorithm>
#include <cstdint>
#include <string>

#include "bgem3/bgem3.h"
#include "cli/commands.h"
#include "cli/encode_output.h"
#include "cli/interrupt.h"
#include "cli/message.h"
#include "cli/progress_bar.h"
#include "cli/text_reader.h"

namespace bgem3::cli {
namespace {

// How many texts to read at once: a few at first, so that the first rows come soon, then more and more. Not by the time
// they take: a run that was resumed has to make the same chunks as one that was not, because in other batches a vector
// may differ in its last bits.
class ChunkSize {
 public:
  explicit ChunkSize(std::size_t batch_size)
      : texts_(batch_size == 0 ? first_texts : std::min<std::uint64_t>(batch_size, first_texts)) {}

  [[nodiscard]] std::uint64_t texts() const noexcept { return texts_; }
  void set(std::uint64_t texts) noexcept { texts_ = texts; }
  void grow() noexcept { texts_ = std::min<std::uint64_t>(texts_ * 2, ResumeState::chunk_texts_max); }

 private:
  static constexpr std::uint64_t first_texts = 12;
  std::uint64_t texts_;
};

// Bytes of the texts of a chunk, at most: what keeps a processor, or a GPU, busy for a few seconds. More would fill the
// batches better, but an interrupted chunk is lost.
std::size_t chunk_bytes(const ModelInfo& info, const EncodeOptions& options) {
  constexpr std::size_t least = 64 * 1024, most = 4 * 1024 * 1024;
  if (options.colbert) return least;  // such a text takes as many vectors as tokens
  if (info.device.starts_with("cuda")) return most;
  const ModelConfig& config = info.config;
  const auto layer = config.hidden_size * (4 * config.hidden_size + 2 * config.intermediate_size);
  const auto weights = static_cast<std::size_t>(std::max<std::int64_t>(config.layers * layer, 1));
  constexpr std::size_t bytes_times_weights = std::size_t{20'000'000} * 1024 * 1024;  // of 20 million weights a MiB
  return std::clamp(bytes_times_weights / weights, least, most);
}

class EncodeRun {
 public:
  explicit EncodeRun(const EncodeArguments& arguments)
      : options_(encode_options(arguments)),
        embedder_(load(arguments, options_)),
        prompt_(embedder_.info().config.prompts.find(options_.prompt, options_.prompt_name)),
        chunk_bytes_(chunk_bytes(embedder_.info(), options_)),
        chunk_size_(options_.batch_size),
        output_(arguments, embedder_, options_, chunk_size_.texts()),
        reader_(arguments.input),
        bar_(!arguments.no_progress) {
    options_.on_progress = [this](const Progress& progress) {
      show(progress);
      return Interrupt::signal() == 0;
    };
  }

  int run() {
    start();
    encode_chunks();
    finish();
    return Interrupt::exit_status();
  }

 private:
  // What is wrong with the options is told before the input is waited for.
  static Embedder load(const EncodeArguments& arguments, const EncodeOptions& encode) {
    LoadOptions options = arguments.device.load_options();
    options.tokenizer.pipeline = parse_pipeline(arguments.pipeline);
    Embedder embedder = Embedder::load(arguments.model, options);
    embedder.validate(encode);
    return embedder;
  }

  static EncodeOptions encode_options(const EncodeArguments& arguments) {
    EncodeOptions options = arguments.encode;
    options.dense = arguments.dense || (!options.sparse && !options.colbert);
    return options;
  }

  // Nothing is written before the first texts are there: an input may be refused by what it holds.
  void start() {
    if (output_.is_begun()) chunk_size_.set(output_.go_on(reader_));
    bytes_end_ = reader_.bytes_done();
    chunk_ = read();
    if (chunk_.ids.empty()) reader_.expect_good_records();
    if (!output_.is_begun()) {
      if (Interrupt::signal() != 0) throw Error(ErrorCode::cancelled, "stopped before the first text");
      output_.begin();
    }
    bar_.start(share_of_input(static_cast<double>(bytes_end_)));
  }

  TextChunk read() { return reader_.read(chunk_size_.texts(), chunk_bytes_); }

  // Whatever ends it, what is done is kept.
  void encode_chunks() {
    try {
      for (; !chunk_.ids.empty() && Interrupt::signal() == 0; chunk_ = read()) encode_chunk();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::cancelled) return;
      output_.save_after_failure();
      throw;
    } catch (...) {
      output_.save_after_failure();
      throw;
    }
  }

  void encode_chunk() {
    bytes_begin_ = bytes_end_;
    bytes_end_ = chunk_.bytes_end;
    const Embeddings embeddings = embedder_.encode(chunk_.texts, options_);
    chunk_size_.grow();
    output_.write(chunk_, embeddings, chunk_size_.texts());
    count(embeddings);
  }

  void finish() {
    output_.save();
    output_.close();
    bar_.finish();
    if (truncated_ == 1) tell("1 text was longer than the limit and cut");
    if (truncated_ > 1) tell("{} texts were longer than the limit and cut", truncated_);
    if (Interrupt::signal() != 0) {
      const char* const advice = output_.can_be_resumed() ? ". The same command with --resume goes on after them" : "";
      tell("stopped; {} texts are done{}", output_.rows(), advice);
    }
    reader_.tell_bad_records();
  }

  void count(const Embeddings& embeddings) {
    const auto limit =
        options_.max_length == 0 ? static_cast<std::size_t>(embedder_.info().config.max_length) : options_.max_length;
    texts_ += chunk_.texts.size();
    for (std::size_t i = 0; i < chunk_.texts.size(); ++i) {
      const auto tokens = embeddings.token_counts[i];
      tokens_ += tokens;
      // Only a text that fills the limit can have been cut.
      if (tokens == limit && embedder_.count_tokens(prompt_ + chunk_.texts[i]) > limit) ++truncated_;
    }
  }

  void show(const Progress& progress) {
    const bool by_tokens = progress.tokens_total > 0;
    const auto done = static_cast<double>(by_tokens ? progress.tokens_done : progress.texts_done);
    const double share = done / static_cast<double>(by_tokens ? progress.tokens_total : progress.texts_total);
    const double bytes = static_cast<double>(bytes_begin_) + share * static_cast<double>(bytes_end_ - bytes_begin_);
    bar_.update(texts_ + progress.texts_done, tokens_ + progress.tokens_done, share_of_input(bytes));
  }

  [[nodiscard]] double share_of_input(double bytes) const {
    const auto total = static_cast<double>(reader_.bytes_total());
    return total > 0 ? bytes / total : -1;
  }

  EncodeOptions options_;
  Embedder embedder_;
  std::string prompt_;
  std::size_t chunk_bytes_;
  ChunkSize chunk_size_;
  Interrupt interrupt_;  // from here on: what reads may have to wait
  EncodeOutput output_;
  TextReader reader_;
  TextChunk chunk_;  // that is read, and not yet encoded
  ProgressBar bar_;
  std::size_t texts_ = 0;
  std::size_t tokens_ = 0;
  std::size_t truncated_ = 0;
  std::uint64_t bytes_begin_ = 0;  // of the chunk in work
  std::uint64_t bytes_end_ = 0;
};

}  // namespace

int encode(const EncodeArguments& arguments) {
  refuse_output(arguments);
  try {
    return EncodeRun(arguments).run();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::cancelled || Interrupt::signal() == 0) throw;
    tell("stopped; nothing was written");
    return Interrupt::exit_status();
  }
}

}  // namespace bgem3::cli
