#pragma once

#include "server/models.h"

namespace bgem3::server {

/// The whole program: reads options, binds the port, loads with `load`, serves until SIGTERM or SIGINT.
/// @return the exit status
int run_program(int argc, char** argv, const char* program, const LoadModels& load);

}  // namespace bgem3::server
