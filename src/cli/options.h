#pragma once

#include <functional>

#include <CLI/App.hpp>

namespace bgem3::cli {

/// What main runs after parsing; returns the exit status.
using Action = std::function<int()>;

/// Each adds one subcommand to `app`, whose action is set in `chosen` when the user names it.
void add_encode(CLI::App& app, Action& chosen);
void add_tokenize(CLI::App& app, Action& chosen);
void add_similarity(CLI::App& app, Action& chosen);
void add_rerank(CLI::App& app, Action& chosen);
void add_info(CLI::App& app, Action& chosen);

}  // namespace bgem3::cli
