#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "bgem3/bgem3.h"
#include "cli/checkpoints.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/message.h"
#include "cli/output_file.h"
#include "cli/progress_bar.h"
#include "cli/protected_files.h"
#include "cli/resume_parameters.h"
#include "cli/text_reader.h"
#include "cli/writers.h"

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

ProtectedFiles protect(const EncodeArguments& arguments) {
  ProtectedFiles files;
  files.add_input(arguments.input.path);
  files.add_model(arguments.model);
  return files;
}

void refuse_output(const EncodeArguments& arguments, const ProtectedFiles& files) {
  if (arguments.output == "-") {
    files.refuse_standard_output();
  } else {
    files.refuse(arguments.output, "--output");
  }
}

ResumeFile find_notes(const std::string& output, const ProtectedFiles& files) {
  ResumeFile notes(std::filesystem::canonical(output).string());
  for (const std::string& name : {notes.name(), notes.draft()}) files.refuse(name, "--output: the file beside it,");
  return notes;
}

class EncodeRun {
 public:
  explicit EncodeRun(const EncodeArguments& arguments)
      : options_(encode_options(arguments)),
        embedder_(load(arguments, options_)),
        prompt_(embedder_.info().config.prompts.find(options_.prompt, options_.prompt_name)),
        reader_(arguments.input),
        chunk_bytes_(chunk_bytes(embedder_.info(), options_)),
        chunk_size_(options_.batch_size),
        bar_(!arguments.no_progress) {
    options_.on_progress = [this](const Progress& progress) {
      show(progress);
      return Interrupt::signal() == 0;
    };
    open(arguments);
    bytes_end_ = reader_.bytes_done();
    bar_.start(share_of_input(static_cast<double>(bytes_end_)));
  }

  int run() {
    encode_chunks();
    if (checkpoints_) checkpoints_->save();
    file_->close();
    bar_.finish();
    if (truncated_ == 1) tell("1 text was longer than the limit and cut");
    if (truncated_ > 1) tell("{} texts were longer than the limit and cut", truncated_);
    if (Interrupt::signal() != 0) {
      const char* const advice = checkpoints_ ? ". The same command with --resume goes on after them" : "";
      tell("stopped; {} texts are done{}", writer_->position().rows, advice);
    }
    reader_.tell_bad_records();
    return Interrupt::exit_status();
  }

 private:
  // What is wrong with the options is told before the input is waited for, and an old output emptied.
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

  static bool is_npy(const EncodeArguments& arguments) {
    return arguments.format.empty() ? arguments.output.ends_with(".npy") : arguments.format == "npy";
  }

  // Nothing is written before all that could be refused has been looked at.
  void open(const EncodeArguments& arguments) {
    if (is_npy(arguments) && (options_.sparse || options_.colbert)) {
      throw Error(ErrorCode::invalid_argument,
                  "npy holds dense vectors only; use --format jsonl for --sparse and --colbert");
    }
    ProtectedFiles files = protect(arguments);
    files.add_model(embedder_.info().directory);
    if (const auto& adapter = embedder_.info().config.adapter) files.add_model(adapter->base);
    refuse_output(arguments, files);
    file_ = std::make_unique<OutputFile>(arguments.output);
    writer_ = is_npy(arguments) ? make_npy_writer(*file_, embedder_.dimension(options_)) : make_jsonl_writer(*file_);
    if (file_->is_seekable()) {
      keep_checkpoints(arguments, find_notes(arguments.output, files));
    } else if (arguments.resume) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("'{}' cannot be resumed: it is not a regular file", arguments.output));
    }
  }

  void keep_checkpoints(const EncodeArguments& arguments, ResumeFile notes) {
    ResumeState state;
    state.parameters = resume_parameters(arguments, embedder_, options_, is_npy(arguments));
    state.chunk_texts = chunk_size_.texts();
    checkpoints_.emplace(*file_, *writer_, std::move(notes), std::move(state));
    if (arguments.resume) {
      checkpoints_->resume(reader_);
    } else {
      checkpoints_->begin();
    }
    chunk_size_.set(checkpoints_->chunk_texts());
  }

  // Whatever ends it, what is done is kept.
  void encode_chunks() {
    try {
      while (encode_chunk()) {
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::cancelled) return;
      save_after_failure();
      throw;
    } catch (...) {
      save_after_failure();
      throw;
    }
  }

  void save_after_failure() {
    if (!checkpoints_) return;
    try {
      checkpoints_->save();
    } catch (const Error& error) {
      tell("{}; --resume would go on after {} texts", error.what(), checkpoints_->rows_saved());
    }
  }

  // False at the end of the input.
  bool encode_chunk() {
    const TextChunk chunk = reader_.read(chunk_size_.texts(), chunk_bytes_);
    if (chunk.ids.empty() || Interrupt::signal() != 0) return false;
    bytes_begin_ = bytes_end_;
    bytes_end_ = chunk.bytes_end;
    const Embeddings embeddings = embedder_.encode(chunk.texts, options_);
    writer_->write({chunk.ids, embeddings, chunk.null, options_});
    chunk_size_.grow();
    if (checkpoints_) checkpoints_->add(chunk, chunk_size_.texts());
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
    const auto total = static_cast<double>(reader_.bytes_total());
    return total > 0 ? bytes / total : -1;
  }

  EncodeOptions options_;
  Embedder embedder_;
  std::string prompt_;
  Interrupt interrupt_;  // from here on: what reads may have to wait
  TextReader reader_;
  std::unique_ptr<OutputFile> file_;
  std::unique_ptr<EmbeddingWriter> writer_;
  std::optional<Checkpoints> checkpoints_;  // of a file that can be resumed
  std::size_t chunk_bytes_;
  ChunkSize chunk_size_;
  ProgressBar bar_;
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
  refuse_output(arguments, protect(arguments));  // before the time that loading takes
  try {
    return EncodeRun(arguments).run();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::cancelled || Interrupt::signal() == 0) throw;
    return Interrupt::exit_status();
  }
}

}  // namespace bgem3::cli
