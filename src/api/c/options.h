#pragma once

#include "bgem3/c.h"
#include "bgem3/options.h"
#include "bgem3/reranker.h"

namespace bgem3::c_api {

/// Options of C (NULL: the defaults) as those of the façade.
/// @throws Error invalid_argument, naming the member, for what the façade could not say or would not notice
LoadOptions read_options(const bgem3_load_options* options);
EncodeOptions read_options(const bgem3_encode_options* options);
RerankOptions read_options(const bgem3_rerank_options* options);

}  // namespace bgem3::c_api
