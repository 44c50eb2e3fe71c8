#pragma once

#include <string>

namespace bgem3::cli {

/// What a library that the program loads when it is needed gives out: found by `symbol`, a function without arguments
/// that returns a pointer to a table. The table begins with `const char* version`, that of bgem3.
struct LoadedTable {
  const void* table = nullptr;
  std::string missing;  ///< why there is no table, by the system's words: the library itself was not found
};

/// Loads a library by the RUNPATH of the caller; it stays for the life of the process.
/// @param needs  what else it takes, for messages: "the libraries of bgem3"
/// @throws Error io_error for a library that lacks one that it needs, or is of another bgem3
LoadedTable load_table(const char* library, const char* symbol, const char* needs);

}  // namespace bgem3::cli
