#include <fmt/format.h>

#include "bgem3/error.h"
#include "cli/load_table.h"
#include "cli/model_commands.h"

namespace bgem3::cli {

const ModelCommands& load_model_commands() {
  constexpr const char* library = "libbgem3_cli_model.so";
  const LoadedTable found =
      load_table(library, get_model_commands_name, "the libraries of bgem3 and the LibTorch that it was built with");
  if (found.table != nullptr) return *static_cast<const ModelCommands*>(found.table);
  throw Error(ErrorCode::io_error,
              fmt::format("this command needs {}, which cannot be loaded ({}); it belongs in bgem3's lib folder; copy "
                          "the program together with its libraries, or install bgem3 again",
                          library, found.missing));
}

}  // namespace bgem3::cli
