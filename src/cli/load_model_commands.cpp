#include <dlfcn.h>

#include <string_view>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "bgem3/version.h"
#include "cli/model_commands.h"

namespace bgem3::cli {
namespace {

constexpr const char* library_name = "libbgem3_cli_model.so";

// What the loader says begins with the library that it did not find: ours, or one that ours needs.
[[noreturn]] void refuse_loading(std::string_view reason) {
  const char* const advice =
      reason.starts_with(library_name)
          ? "it belongs in bgem3's lib folder; copy the program together with its libraries, or install bgem3 again"
          : "it needs the libraries of bgem3 and the LibTorch that it was built with; install those";
  throw Error(ErrorCode::io_error,
              fmt::format("this command needs {}, which cannot be loaded ({}); {}", library_name, reason, advice));
}

}  // namespace

// Found by the RUNPATH of the program. RTLD_NOW: what another LibTorch lacks is told here, not in the middle of a run.
const ModelCommands& load_model_commands() {
  void* const library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) refuse_loading(dlerror());
  const auto get_commands = reinterpret_cast<GetModelCommands>(dlsym(library, get_model_commands_name));
  const ModelCommands* const commands = get_commands == nullptr ? nullptr : get_commands();
  if (commands == nullptr || std::string_view(commands->version) != BGEM3_VERSION_STRING) {
    throw Error(ErrorCode::io_error,
                fmt::format("{} is of another bgem3 ({}) than this program ({}); install both from one build",
                            library_name, commands == nullptr ? "unknown" : commands->version, BGEM3_VERSION_STRING));
  }
  return *commands;
}

}  // namespace bgem3::cli
