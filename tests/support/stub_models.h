#pragma once

#include "server/models.h"

namespace bgem3::test {

/// What a server serves in tests in place of models; of `options.model` it takes the tokenizer.
server::Models load_stub_models(const server::ServerOptions& options, const server::OnBatch& on_batch);

}  // namespace bgem3::test
