#pragma once

#include <exception>
#include <memory>
#include <utility>

#include "server/router.h"

namespace bgem3::server {

/// The callback of a request to the queue of a model: calls `respond(outcome)` on a thread of the pool, as the one that
/// computes has better things to do than to write JSON. An error of the outcome, or of `respond`, is the response.
template <typename Outcome, typename Respond>
auto when_computed(const Services& services, const std::shared_ptr<Exchange>& exchange, Respond respond) {
  return [&services, exchange, respond = std::move(respond)](Outcome found) {
    exchange->attempt([&] {
      if (found.error) std::rethrow_exception(found.error);
      services.post([exchange, respond, outcome = std::make_shared<const Outcome>(std::move(found))] {
        exchange->attempt([&] { respond(*exchange, *outcome); });
      });
    });
  };
}

}  // namespace bgem3::server
