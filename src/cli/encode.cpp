#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include <fmt/format.h>

#include "bgem3/bgem3.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/message.h"
#include "cli/progress_bar.h"
#include "cli/text_reader.h"
#include "cli/writers.h"

namespace bgem3::cli {
namespace {

// How many texts to read at once: a few at first, then what keeps the encoder busy for a few seconds. More would sort
// better, but an interrupted chunk is lost.
class ChunkSize {
 public:
  explicit ChunkSize(std::size_t batch_size)
      : texts_min_(batch_size == 0 ? first_texts : std::min(batch_size, first_texts)), texts_(texts_min_) {}

  [[nodiscard]] std::size_t texts() const noexcept { return texts_; }

  void adapt(std::chrono::duration<double> spent) {
    if (spent < std::chrono::seconds(2)) texts_ = std::min(texts_ * 2, texts_max);
    if (spent > std::chrono::seconds(8)) texts_ = std::max(texts_ / 2, texts_min_);
  }

 private:
  static constexpr std::size_t first_texts = 12, texts_max = 16384;
  std::size_t texts_min_;
  std::size_t texts_;
};

class EncodeRun {
 public:
  explicit EncodeRun(const EncodeArguments& arguments)
      : options_(encode_options(arguments)),
        embedder_(load(arguments)),
        prompt_(embedder_.info().config.prompts.find(options_.prompt, options_.prompt_name)),
        reader_(open_input(arguments)),
        writer_(make_writer(arguments)),
        has_file_(arguments.output != "-"),
        bar_(!arguments.no_progress),
        chunk_size_(options_.batch_size) {
    options_.on_progress = [this](const Progress& progress) {
      show(progress);
      return Interrupt::signal() == 0;
    };
    reader_.skip(writer_->records());
    bytes_end_ = reader_.file().bytes_read();
    bar_.start(share_of_input(static_cast<double>(bytes_end_)));
  }

  int run() {
    const Interrupt interrupt;
    try {
      while (encode_chunk()) {
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::cancelled) throw;
    }
    writer_->finish();
    bar_.finish();
    if (truncated_ == 1) tell("1 text was longer than the limit and cut");
    if (truncated_ > 1) tell("{} texts were longer than the limit and cut", truncated_);
    if (Interrupt::signal() != 0) {
      const char* const advice = has_file_ ? ". The same command with --resume goes on after them" : "";
      tell("stopped; {} texts are done{}", writer_->records(), advice);
    }
    return Interrupt::exit_status();
  }

 private:
  static Embedder load(const EncodeArguments& arguments) {
    LoadOptions options = arguments.device.load_options();
    options.tokenizer.pipeline = parse_pipeline(arguments.pipeline);
    return Embedder::load(arguments.model, options);
  }

  static EncodeOptions encode_options(const EncodeArguments& arguments) {
    EncodeOptions options = arguments.encode;
    options.dense = arguments.dense || (!options.sparse && !options.colbert);
    return options;
  }

  static bool is_npy(const EncodeArguments& arguments) {
    return arguments.format.empty() ? arguments.output.ends_with(".npy") : arguments.format == "npy";
  }

  static TextReader open_input(const EncodeArguments& arguments) {
    const std::string input = arguments.input.path == "-" ? "/dev/stdin" : arguments.input.path;
    std::error_code none_such;  // an output that is not there yet differs from the input
    if (std::filesystem::equivalent(input, arguments.output, none_such)) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("--output '{}' is the input, which would be lost; name another file", arguments.output));
    }
    return TextReader(arguments.input);
  }

  std::unique_ptr<EmbeddingWriter> make_writer(const EncodeArguments& arguments) const {
    embedder_.validate(options_);  // before an old file is emptied
    if (!is_npy(arguments)) return make_jsonl_writer(arguments.output, arguments.resume);
    if (options_.sparse || options_.colbert) {
      throw Error(ErrorCode::invalid_argument,
                  "npy holds dense vectors only; use --format jsonl for --sparse and --colbert");
    }
    return make_npy_writer(arguments.output, embedder_.dimension(options_), arguments.resume);
  }

  // False at the end of the input.
  bool encode_chunk() {
    // A ColBERT text takes as many vectors as tokens, so fewer are held at once.
    const std::size_t bytes_max = options_.colbert ? 64 * 1024 : 4 * 1024 * 1024;
    const TextChunk chunk = reader_.read(chunk_size_.texts(), bytes_max);
    if (chunk.texts.empty() || Interrupt::signal() != 0) return false;
    bytes_begin_ = bytes_end_;
    bytes_end_ = chunk.bytes_end;
    const auto started = std::chrono::steady_clock::now();
    const Embeddings embeddings = embedder_.encode(chunk.texts, options_);
    writer_->write(chunk.ids, embeddings);
    chunk_size_.adapt(std::chrono::steady_clock::now() - started);
    count(chunk, embeddings);
    return true;
  }

  void count(const TextChunk& chunk, const Embeddings& embeddings) {
    const auto limit =
        options_.max_length == 0 ? static_cast<std::size_t>(embedder_.info().config.max_length) : options_.max_length;
    texts_ += chunk.texts.size();
    for (std::size_t i = 0; i < chunk.texts.size(); ++i) {
      const auto tokens = embeddings.token_counts[i];
      tokens_ += tokens;
      // Only a text that fills the limit can have been cut.
      if (tokens == limit && embedder_.count_tokens(prompt_ + chunk.texts[i]) > limit) ++truncated_;
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
    const auto total = static_cast<double>(reader_.file().bytes_total());
    return total > 0 ? bytes / total : -1;
  }

  EncodeOptions options_;
  Embedder embedder_;
  std::string prompt_;
  TextReader reader_;
  std::unique_ptr<EmbeddingWriter> writer_;
  bool has_file_;
  ProgressBar bar_;
  ChunkSize chunk_size_;
  std::size_t texts_ = 0;
  std::size_t tokens_ = 0;
  std::size_t truncated_ = 0;
  std::uint64_t bytes_begin_ = 0;  // of the chunk in work
  std::uint64_t bytes_end_ = 0;
};

}  // namespace

int encode(const EncodeArguments& arguments) {
  if (arguments.resume && arguments.output == "-") {
    throw Error(ErrorCode::invalid_argument, "--resume needs --output FILE, the file to go on with");
  }
  return EncodeRun(arguments).run();
}

}  // namespace bgem3::cli
