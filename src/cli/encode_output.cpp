#include "cli/encode_output.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "cli/message.h"
#include "cli/resume_parameters.h"

namespace bgem3::cli {
namespace {

bool is_npy(const EncodeArguments& arguments) {
  return arguments.format.empty() ? arguments.output.ends_with(".npy") : arguments.format == "npy";
}

ProtectedFiles protect(const EncodeArguments& arguments) {
  ProtectedFiles files;
  files.add_input(arguments.input.path);
  files.add_model(arguments.model);
  return files;
}

// Also those that only the loaded model tells of.
ProtectedFiles protect(const EncodeArguments& arguments, const ModelInfo& info) {
  ProtectedFiles files = protect(arguments);
  files.add_model(info.directory);
  if (info.config.adapter) files.add_model(info.config.adapter->base);
  return files;
}

void refuse(const EncodeArguments& arguments, const ProtectedFiles& files) {
  if (arguments.output == "-") {
    files.refuse_standard_output();
  } else {
    files.refuse(arguments.output, "--output");
  }
}

// Refused before the file is opened, which would make it.
const std::string& expect_free(const EncodeArguments& arguments, const ProtectedFiles& files) {
  refuse(arguments, files);
  return arguments.output;
}

[[noreturn]] void refuse_resume(const std::string& output, const std::string& reason) {
  throw Error(ErrorCode::invalid_argument, fmt::format("{} cannot be resumed: {}", output, reason));
}

}  // namespace

void refuse_output(const EncodeArguments& arguments) {
  if (arguments.resume && arguments.output == "-") {
    throw Error(ErrorCode::invalid_argument, "--resume needs --output FILE, the file to go on with");
  }
  if (is_npy(arguments) && (arguments.encode.sparse || arguments.encode.colbert)) {
    throw Error(ErrorCode::invalid_argument,
                "npy holds dense vectors only; use --format jsonl for --sparse and --colbert");
  }
  refuse(arguments, protect(arguments));
}

EncodeOutput::EncodeOutput(const EncodeArguments& arguments, const Embedder& embedder, const EncodeOptions& options,
                           std::uint64_t chunk_texts)
    : options_(options),
      file_(expect_free(arguments, protect(arguments, embedder.info()))),
      writer_(is_npy(arguments) ? make_npy_writer(file_, embedder.dimension(options)) : make_jsonl_writer(file_)) {
  if (file_.is_seekable()) keep_checkpoints(arguments, embedder, protect(arguments, embedder.info()), chunk_texts);
  if (!arguments.resume) return;
  if (!file_.is_seekable()) refuse_resume(name(), "it is not a regular file");
  is_begun_ = checkpoints_->compare_output();
}

void EncodeOutput::keep_checkpoints(const EncodeArguments& arguments, const Embedder& embedder,
                                    const ProtectedFiles& files, std::uint64_t chunk_texts) {
  ResumeFile notes(std::filesystem::canonical(arguments.output));
  for (const auto& path : {notes.path(), notes.draft()}) files.refuse(path, "--output: the file beside it,");
  if (const std::string obstacle = notes.obstacle(); !obstacle.empty()) {
    const auto reason = fmt::format("{} cannot be written: {}", detail::in_quotes(notes.path()), obstacle);
    if (arguments.resume) refuse_resume(name(), reason);
    if (notes.exists()) {
      throw Error(ErrorCode::io_error,
                  fmt::format("{}; it tells of an earlier output, so remove it, or name another output", reason));
    }
    tell("warning: {}; should this run be interrupted, --resume could not go on with it", reason);
    return;
  }
  ResumeState state;
  state.parameters = resume_parameters(arguments, embedder, options_, is_npy(arguments));
  state.chunk_texts = chunk_texts;
  checkpoints_.emplace(file_, *writer_, std::move(notes), std::move(state));
}

std::uint64_t EncodeOutput::go_on(TextReader& reader) {
  checkpoints_->go_on(reader);
  return checkpoints_->chunk_texts();
}

void EncodeOutput::begin() {
  if (checkpoints_) {
    checkpoints_->begin();
  } else {
    writer_->begin();
  }
  is_begun_ = true;
}

void EncodeOutput::write(const TextChunk& chunk, const Embeddings& embeddings, std::uint64_t next_chunk_texts) {
  writer_->write({chunk.ids, embeddings, chunk.null, options_});
  if (checkpoints_) checkpoints_->add(chunk, next_chunk_texts);
}

void EncodeOutput::save() {
  if (checkpoints_) checkpoints_->save();
}

void EncodeOutput::save_after_failure() {
  try {
    save();
  } catch (const Error& error) {
    tell("{}; --resume would go on after {} texts", error.what(), checkpoints_->rows_saved());
  }
}

}  // namespace bgem3::cli
