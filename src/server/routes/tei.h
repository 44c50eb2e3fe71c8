#pragma once

#include "server/body.h"
#include "server/router.h"
#include "server/routes/embedding.h"

namespace bgem3::server {

/// The fields of a body of /embed but those of the format of its vectors.
EmbeddingTask read_embedding(const Fields& body, const Services& services);

}  // namespace bgem3::server
