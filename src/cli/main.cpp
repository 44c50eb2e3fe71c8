// The bgem3 command: texts in, embeddings, ids, similarities or a ranking out.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "bgem3/detail/message.h"
#include "bgem3/version.h"
#include "cli/message.h"
#include "cli/options.h"

namespace {

constexpr const char* footer = R"(Examples:
  bgem3 encode --model bge-m3 --input texts.txt --output vectors.npy
  bgem3 encode --model bge-m3 --input texts.jsonl --dense --sparse > vectors.jsonl
  bgem3 similarity --model bge-m3 "Hello World" "Bonjour le monde"
  bgem3 rerank --model bge-reranker-v2-m3 "how to bake bread" "Knead the dough." "Raise the rates."
  bgem3 tokenize --model bge-m3 --format pieces < texts.txt

BGEM3_MODEL may name the model instead of --model. `bgem3 COMMAND --help` tells more.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 or 143 stopped by a signal.)";

int fail(const char* message) {
  bgem3::cli::tell("{}", message);
  return 1;
}

// Without this, the next file to be opened would take the place of a closed standard stream, and get its messages.
// Opened the wrong way round, so that using it is still an error.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1) continue;
    (void)::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

// A closed pipe and a file over its size limit are errors of write(), told apart below.
void ignore_signals_of_write() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

// The part of a result that is still in the stdio buffer may be lost as well.
void flush_output() {
  if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "standard output");
}

int run(int argc, char** argv) {
  CLI::App app("Text to BGE-M3 embeddings: dense, sparse and multi-vector.", "bgem3");
  app.set_version_flag("--version", "bgem3 " BGEM3_VERSION_STRING);
  app.require_subcommand(1);
  app.footer(footer);
  bgem3::cli::Action action;
  bgem3::cli::add_encode(app, action);
  bgem3::cli::add_tokenize(app, action);
  bgem3::cli::add_similarity(app, action);
  bgem3::cli::add_rerank(app, action);
  bgem3::cli::add_info(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help, --version
    return app.exit(request);
  } catch (const CLI::ParseError& error) {
    const auto unknown = app.remaining();
    const auto reason = unknown.empty()
                            ? error.what()
                            : fmt::format("there is no command {}", bgem3::detail::in_quotes(unknown.front()));
    bgem3::cli::tell("{}\nTry: bgem3 --help", reason);
    return 2;
  }
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  occupy_closed_streams();
  ignore_signals_of_write();
  try {
    const int status = run(argc, argv);
    flush_output();
    return status;
  } catch (const std::system_error& error) {
    // A reader that went away, as `| head` does when it has seen enough, is no failure.
    return error.code() == std::errc::broken_pipe ? 0 : fail(error.what());
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
