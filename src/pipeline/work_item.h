#pragma once

#include "bgem3/batch_plan.h"

namespace bgem3 {

/// How a batch is computed: as it comes, where it has to be without a graph, or with more digits.
enum class Attempt { first, without_graph, float32 };

/// A batch, or a part of one, that a device has to compute.
struct WorkItem {
  Batch batch;
  Attempt attempt = Attempt::first;
};

}  // namespace bgem3
