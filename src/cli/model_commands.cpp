#include "cli/model_commands.h"

#include "bgem3/export.h"
#include "bgem3/version.h"
#include "cli/commands.h"

namespace bgem3::cli {
namespace {

constexpr ModelCommands commands{BGEM3_VERSION_STRING, encode, similarity, rerank, info};

}  // namespace
}  // namespace bgem3::cli

extern "C" BGEM3_API const bgem3::cli::ModelCommands* bgem3_cli_model_commands() { return &bgem3::cli::commands; }
