// Any bytes as an input of the command: the first says the form, and what part of the bytes comes at a time.

#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bgem3/error.h"
#include "cli/input/text_input.h"
#include "support/memory_source.h"
#include "text/utf8.h"

namespace {

using bgem3::cli::InputOptions;
using bgem3::cli::Record;

// Of JSON lines, some are pairs.
InputOptions options_of(unsigned choice, bool pairs) {
  static constexpr const char* formats[] = {"", "lines", "jsonl", "csv", "tsv", "csv", "csv", "tsv"};
  InputOptions options;
  options.format = formats[choice % std::size(formats)];
  options.pairs = pairs && options.format == "jsonl";
  const unsigned table = choice % std::size(formats);
  if (table == 4) options.column = "1";
  if (table == 5) options.column = "text";
  options.no_header = table >= 6;
  if (options.no_header) options.column = "2";
  return options;
}

// What a record promises.
void check(const Record& record) {
  if (!record.id.empty() && !nlohmann::json::accept(record.id)) std::abort();
  if (!record.fault.empty()) return;
  for (const std::string& text : {record.text, record.query}) {
    if (bgem3::utf8::valid_prefix(text) != text.size()) std::abort();
  }
}

struct Outcome {
  std::vector<std::string> records;
  std::string error;

  bool operator==(const Outcome&) const = default;
};

Outcome read(const std::string& bytes, const InputOptions& options, std::size_t part) {
  Outcome outcome;
  bgem3::test::MemorySource source(bytes, part);
  try {
    bgem3::cli::TextInput input(source, "input", options);
    Record record;
    while (input.next(record)) {
      check(record);
      outcome.records.push_back(record.fault.empty() ? record.id + "|" + record.query + "|" + record.text
                                                     : record.fault);
    }
  } catch (const bgem3::Error& error) {
    outcome.error = error.what();
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const InputOptions options = options_of(data[0] & 7U, data[0] >= 128);
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome whole = read(bytes, options, bytes.size() + 1);
  const Outcome parts = read(bytes, options, 1U + (data[0] >> 3U));
  // A NUL byte is seen when its part comes, which may be after records before it were handed out. And what an archive
  // gives before it turns out to be damaged depends on the parts.
  if (whole.error.empty() != parts.error.empty()) std::abort();
  if (whole.error.empty() && whole != parts) std::abort();
  return 0;
}
