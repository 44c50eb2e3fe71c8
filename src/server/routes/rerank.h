#pragma once

#include <memory>

#include "server/body.h"
#include "server/router.h"

namespace bgem3::server {

/// Answers a body of /rerank.
void rank_texts_or_documents(const Services& services, const std::shared_ptr<Exchange>& exchange, const Fields& body);

/// Whether a body has pairs of texts to be judged, as of /v1/score.
bool has_pairs(const Fields& body);

/// Answers such a body.
void score_pairs(const Services& services, const std::shared_ptr<Exchange>& exchange, const Fields& body);

}  // namespace bgem3::server
