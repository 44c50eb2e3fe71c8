#pragma once

#include <string>

namespace bgem3::cli {

/// --input and what belongs to it.
struct InputOptions {
  std::string path = "-";
  std::string format;     ///< "lines", "jsonl", "csv", "tsv", or empty: by the name of the file, else lines
  std::string column;     ///< of a table: name, or number from 1; empty: the only one, or "text"
  std::string delimiter;  ///< of CSV and TSV, one byte; empty: a comma, or a tab
  bool no_header = false;
  bool pairs = false;             ///< each record has a query of its own, which only JSON lines can
  std::string on_error = "stop";  ///< "stop", "skip" or "null"
};

}  // namespace bgem3::cli
