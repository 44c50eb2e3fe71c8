#include "cli/options.h"

#include <memory>
#include <utility>

#include <fmt/format.h>
#include <CLI/Error.hpp>
#include <CLI/Validators.hpp>

#include "bgem3/dtype.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/input/text_input.h"
#include "cli/model_commands.h"

namespace bgem3::cli {
namespace {

// Of all commands that read texts. Between the two, what else --on-error does.
constexpr const char* input_footer =
    R"(Input, in UTF-8 or, with a byte order mark, UTF-16; also compressed by gzip or zstd:
  lines     one text a line; an empty line is an empty text
  jsonl     {"id": …, "text": …} a line
  csv, tsv  a header, and records of which one column is the text; a column "id" gives ids
Parquet is a table likewise, where bgem3 was built with Apache Arrow. What is something else, such as xz, is refused by
name, with the command that makes text of it.

A record that cannot be read, such as a blank line of jsonl, ends the work (--on-error stop))";
constexpr const char* input_footer_end =
    "\nAll are counted, the first ten named. When there was no other, the exit status is 1.\n\n";

constexpr const char* encode_footer = R"(Output, one record for each text, in input order:
  jsonl   {"id": …, "dense": […], "sparse": {"TOKEN ID": WEIGHT, …}, "colbert": [[…], …]}
          "id" is the input's own, or the number of the record from 0, which bad ones have, too
  npy     float32 [texts, dimension] for numpy.load; dense only, to a file

The input is read as it is needed, so its size does not matter. Ctrl-C stops after the last whole record; the same
command with --resume goes on from there, and on a CPU makes the same bytes as if it had not been stopped. It goes by
OUTPUT.resume, which lies beside the output: without it, with other options, another model or other texts, or when the
output is not as it was written, --resume is refused. More texts at the end of the input are taken. See docs/resume.md.

Examples:
  bgem3 encode --model bge-m3 --input texts.txt --output vectors.npy
  bgem3 encode --model bge-m3 --input texts.jsonl --sparse --colbert --output vectors.jsonl --resume
  cat texts.txt | bgem3 encode --model bge-m3 | head -1)";

constexpr const char* tokenize_footer =
    R"(One line for each text: its ids or pieces with a space between, <s> and </s> included. The model directory needs
only its tokenizer. --input-format jsonl lets a text contain anything, line ends included.

Examples:
  bgem3 tokenize --model bge-m3 --format pieces < texts.txt
  bgem3 tokenize --model bge-m3 --input texts.jsonl --max-length 512)";

constexpr const char* similarity_footer =
    R"(Compares each text with each other: those named on the command line, else those of --input.
A text in brackets, [like this], has to come by --input: on the command line it is a list.

Examples:
  bgem3 similarity --model bge-m3 "Hello World" "Bonjour le monde" "Le prix du café"
  bgem3 similarity --model bge-m3 --input texts.txt --kind colbert+sparse+dense --format tsv)";

constexpr const char* rerank_footer =
    R"(Judges each passage by the query and prints them, most relevant first: the passages named on the command line after
the query, else those of --input. The model is a cross-encoder, such as bge-reranker-v2-m3.
Without a query, scores the pairs of --input in their order: JSON lines of {"id": …, "query": …, "text": …}, with
the passage as "text". "id" may be missing, other keys are refused. Input is read as it is needed, of any size.
A text in brackets, [like this], has to come by --query or --input: on the command line it is a list.

A score is what the model directory makes of the logit, a number from 0 to 1 where it states nothing else. So do
CrossEncoder.rank of sentence-transformers and /rerank of text-embeddings-inference and of bgem3-server. --raw-scores
prints the logit, as FlagReranker.compute_score of FlagEmbedding gives it.

Output:
  text  score, id and the passage, cut to the width of the terminal
  json  {"query": …, "results": [{"id": …, "score": …, "text": …}, …]}
  tsv   id and score
Of pairs, text has the query before the passage, and json is {"id": …, "score": …} a line.
The id, in JSON, is the input's own, or the number of the record from 0.

Examples:
  bgem3 rerank --model bge-reranker-v2-m3 "how to bake bread" "Knead the dough." "Raise the rates."
  bgem3 rerank --model bge-reranker-v2-m3 --query "how to bake bread" --input passages.jsonl --top 10 --format json
  bgem3 rerank --model bge-reranker-v2-m3 --input pairs.jsonl --format json > scores.jsonl)";

constexpr const char* info_footer = R"(Loads the model, so it also tells whether the directory is complete.

Example:
  bgem3 info --model bge-m3 --json | jq .max_length)";

// A subcommand with --model, which all of them have. `run` gets what was parsed, when the user names it.
template <typename Arguments>
std::pair<CLI::App&, Arguments&> add_command(CLI::App& app, Action& chosen, const char* name, const char* summary,
                                             const char* footer, int (*run)(const Arguments&)) {
  auto* command = app.add_subcommand(name, summary);
  command->footer(footer);
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("--model", arguments->model, "Model directory in Hugging Face layout")
      ->required()
      ->envname("BGEM3_MODEL")
      ->type_name("DIR");
  command->callback([&chosen, arguments, run] { chosen = [arguments, run] { return run(*arguments); }; });
  return {*command, *arguments};
}

constexpr const char* skips = " or is left out (skip).";
constexpr const char* null_record =
    ", is left\nout (skip), or counts with its id and null, in npy NaN, in place of its vectors (null).";
constexpr const char* null_line = ", is left\nout (skip), or becomes an empty line (null).";

void add_input_options(CLI::App& command, InputOptions& options, const char* bad_records) {
  command.footer(std::string(input_footer) + bad_records + input_footer_end + command.get_footer());
  std::vector<std::string> on_error = {"stop", "skip"};
  if (bad_records != skips) on_error.emplace_back("null");
  command.add_option("--input", options.path, "File to read, - for standard input")
      ->type_name("FILE")
      ->capture_default_str();
  command
      .add_option("--input-format", options.format, "Form of the input [by name: *.jsonl, *.csv, *.tsv; else lines]")
      ->check(CLI::IsMember({"lines", "jsonl", "csv", "tsv"}));
  command.add_option("--column", options.column, "Column of texts, by name or number [the only one, or text]")
      ->type_name("COLUMN");
  command.add_option("--delimiter", options.delimiter, "Between columns [of csv a comma, of tsv a tab]")
      ->type_name("CHARACTER");
  command.add_flag("--no-header", options.no_header, "The first record of csv or tsv is no header");
  command.add_option("--on-error", options.on_error, "What to do about a record that cannot be read")
      ->check(CLI::IsMember(on_error))
      ->capture_default_str();
}

// What texts on the command line take the place of.
constexpr const char* options_of_input[] = {"--input",     "--input-format", "--column",
                                            "--delimiter", "--no-header",    "--on-error"};

CLI::Option* add_pipeline_option(CLI::App& command, std::string& pipeline) {
  return command.add_option("--pipeline", pipeline, "How texts become ids, see docs/tokenizer.md")
      ->check(CLI::IsMember({"auto", "transformers-5", "tokenizer-json", "classic", "replace"}))
      ->capture_default_str();
}

void add_no_progress_flag(CLI::App& command, bool& no_progress) {
  command.add_flag("--no-progress", no_progress, "No progress bar on a terminal");
}

template <typename Options>
void add_batch_options(CLI::App& command, Options& options, const char* texts) {
  command
      .add_option("--batch-size", options.batch_size,
                  fmt::format("{} of a batch, at most [256, on a GPU as many as --batch-tokens allows]", texts))
      ->group("How")
      ->check(CLI::PositiveNumber);
  command.add_option("--batch-tokens", options.batch_tokens, "Tokens of a batch, at most [4096, on a GPU 16384]")
      ->group("How")
      ->check(CLI::PositiveNumber);
}

template <typename Options>
void add_prompt_options(CLI::App& command, Options& options) {
  auto* prompt = command.add_option("--prompt", options.prompt, "Text to put before each text")->type_name("TEXT");
  command
      .add_option("--prompt-name", options.prompt_name,
                  "Which of the model's prompts to put before each text [its default, see bgem3 info]")
      ->type_name("NAME")
      ->excludes(prompt);
}

void add_device_options(CLI::App& command, DeviceOptions& options) {
  command
      .add_option("--device", options.device,
                  "Where to compute: cpu, cuda (the first GPU), cuda:1, or several: cuda:0,cuda:1")
      ->group("How")
      ->capture_default_str();
  command.add_option("--dtype", options.dtype, "What to compute in; auto is float32 on the CPU, float16 on a GPU")
      ->group("How")
      ->check(CLI::IsMember(dtype_names()))
      ->capture_default_str();
  command
      .add_option("--threads", options.threads,
                  "Threads that compute; 0 is OMP_NUM_THREADS or one for each usable processor")
      ->group("How")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command
      .add_flag("--cuda-graphs,!--no-cuda-graphs", options.cuda_graphs,
                "Small batches as CUDA graphs, for half the latency [on]; no effect on the CPU")
      ->group("How");
  command
      .add_flag("--copy", options.copy,
                "Read the weights into memory, so that their files may change; without it they are mapped")
      ->group("How");
}

// Without a query, each record has one.
void take_pairs(const CLI::App& command, InputOptions& input) {
  if (format_of(input) != "jsonl") {
    throw CLI::RequiredError(
        "A query, as the first argument, by --query or in each record of JSON lines (--input-format jsonl),");
  }
  if (command.count("--top") != 0) throw CLI::RequiresError("--top", "a query, as the first argument or by --query");
  input.pairs = true;
}

// The query stands before the passages, unless --query names it.
void take_query(const CLI::App& command, RerankArguments& arguments) {
  auto& texts = arguments.passages;
  if (command.count("--query") == 0) {
    if (texts.empty()) return take_pairs(command, arguments.input);
    arguments.query = std::move(texts.front());
    texts.erase(texts.begin());
  }
  if (texts.empty()) return;
  for (const char* option : options_of_input) {
    if (command.count(option) != 0) throw CLI::ExcludesError("passages", option);
  }
}

void add_pair_options(CLI::App& command, RerankArguments& arguments) {
  command
      .add_option("--max-length", arguments.rerank.max_length,
                  "Tokens of query and passage together, longer ones are cut [the model's limit]")
      ->group("How")
      ->check(CLI::PositiveNumber);
  auto* query = command.add_option("--query-max-length", arguments.rerank.query_max_length,
                                   "Tokens of the query, a longer one is cut [three quarters of --max-length]");
  query->group("How")->check(CLI::PositiveNumber);
  command
      .add_option("--truncation", arguments.truncation,
                  "What loses its end: passage (as in FlagEmbedding) or longest (in sentence-transformers)")
      ->group("How")
      ->check(CLI::IsMember({"passage", "longest"}))
      ->capture_default_str();
  add_batch_options(command, arguments.rerank, "Pairs");
}

}  // namespace

void add_encode(CLI::App& app, Action& chosen) {
  auto [command, arguments] =
      add_command<EncodeArguments>(app, chosen, "encode", "Turn texts into embeddings", encode_footer,
                                   [](const auto& parsed) { return load_model_commands().encode(parsed); });
  add_input_options(command, arguments.input, null_record);
  command.add_option("--output", arguments.output, "File to write, - for standard output")
      ->type_name("FILE")
      ->capture_default_str();
  command.add_option("--format", arguments.format, "Form of the output [by name: *.npy is npy, else jsonl]")
      ->check(CLI::IsMember({"npy", "jsonl"}));
  add_prompt_options(command, arguments.encode);
  command.add_flag("--resume", arguments.resume, "Go on with --output after what an earlier run has done");
  command.add_flag("--dense", arguments.dense, "Dense vectors (the default when no kind is named)")
      ->group("What to compute");
  command.add_flag("--sparse", arguments.encode.sparse, "Lexical weights")->group("What to compute");
  command.add_flag("--colbert", arguments.encode.colbert, "One vector for each token")->group("What to compute");
  command.add_option("--truncate-dim", arguments.encode.truncate_dim, "Keep the leading components only")
      ->group("What to compute")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--max-length", arguments.encode.max_length,
                  "Tokens of a text, longer ones are cut [the model's limit]")
      ->group("How")
      ->check(CLI::PositiveNumber);
  add_batch_options(command, arguments.encode, "Texts");
  add_device_options(command, arguments.device);
  add_pipeline_option(command, arguments.pipeline)->group("How");
  add_no_progress_flag(command, arguments.no_progress);
}

void add_tokenize(CLI::App& app, Action& chosen) {
  auto [command, arguments] =
      add_command<TokenizeArguments>(app, chosen, "tokenize", "Turn texts into token ids", tokenize_footer, tokenize);
  add_input_options(command, arguments.input, null_line);
  command.add_option("--format", arguments.format, "What to print")
      ->check(CLI::IsMember({"ids", "pieces"}))
      ->capture_default_str();
  command.add_option("--max-length", arguments.max_length, "Ids of a text, longer ones are cut [no limit]")
      ->check(CLI::PositiveNumber);
  add_pipeline_option(command, arguments.pipeline);
}

void add_similarity(CLI::App& app, Action& chosen) {
  auto [command, arguments] =
      add_command<SimilarityArguments>(app, chosen, "similarity", "Show how alike texts are", similarity_footer,
                                       [](const auto& parsed) { return load_model_commands().similarity(parsed); });
  add_input_options(command, arguments.input, skips);
  auto* texts = command.add_option("texts", arguments.texts, "Texts to compare")->type_name("TEXT");
  for (const char* option : options_of_input) texts->excludes(option);
  add_prompt_options(command, arguments);
  add_device_options(command, arguments.device);
  add_pipeline_option(command, arguments.pipeline)->group("How");
  command.add_option("--kind", arguments.kind, "Which score")
      ->check(CLI::IsMember({"dense", "sparse", "colbert", "sparse+dense", "colbert+sparse+dense"}))
      ->capture_default_str();
  command.add_option("--format", arguments.format, "Form of the output")
      ->check(CLI::IsMember({"table", "json", "tsv"}))
      ->capture_default_str();
  command.add_option("--color", arguments.color, "Color the table; auto: on a terminal, unless NO_COLOR is set")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
}

void add_rerank(CLI::App& app, Action& chosen) {
  auto [command, arguments] =
      add_command<RerankArguments>(app, chosen, "rerank", "Rank passages by their relevance to a query", rerank_footer,
                                   [](const auto& parsed) { return load_model_commands().rerank(parsed); });
  add_input_options(command, arguments.input, skips);
  command.add_option("--query", arguments.query, "The query [the first argument]")->type_name("TEXT");
  command.add_option("texts", arguments.passages, "The query, unless --query names it, and passages")
      ->type_name("TEXT");
  command.parse_complete_callback([command = &command, arguments = &arguments] { take_query(*command, *arguments); });
  command.add_option("--top", arguments.top, "Print no more passages than so many [all]")->check(CLI::PositiveNumber);
  command.add_flag("--raw-scores", arguments.raw_scores, "Print logits");
  command.add_option("--format", arguments.format, "Form of the output")
      ->check(CLI::IsMember({"text", "json", "tsv"}))
      ->capture_default_str();
  add_pair_options(command, arguments);
  add_device_options(command, arguments.device);
  add_pipeline_option(command, arguments.pipeline)->group("How");
  add_no_progress_flag(command, arguments.no_progress);
}

void add_info(CLI::App& app, Action& chosen) {
  auto [command, arguments] =
      add_command<InfoArguments>(app, chosen, "info", "Tell what a model is and where its parts come from", info_footer,
                                 [](const auto& parsed) { return load_model_commands().info(parsed); });
  add_device_options(command, arguments.device);
  command.add_flag("--json", arguments.json, "Print JSON");
}

}  // namespace bgem3::cli
