#pragma once

#include <memory>

#include "server/body.h"
#include "server/router.h"

namespace bgem3::server {

/// How long pairs are cut, by fields that also say that they are: at the end of the passage.
/// @throws Failure 422 where they should not be
RerankOptions read_cut(const Fields& body, const Services& services);

/// Responds to a body of /rerank.
void rank_texts_or_documents(const Services& services, const std::shared_ptr<Exchange>& exchange, const Fields& body);

/// Whether a body has pairs of texts to be judged, as of /v1/score.
bool has_pairs(const Fields& body);

/// Responds to such a body.
void score_pairs(const Services& services, const std::shared_ptr<Exchange>& exchange, const Fields& body);

}  // namespace bgem3::server
