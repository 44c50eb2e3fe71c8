#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/batch_graphs.h"
#include "model/model.h"
#include "pipeline/caller.h"
#include "pipeline/distinct_texts.h"
#include "pipeline/transfer.h"
#include "pipeline/work_item.h"

namespace bgem3 {

/// A batch that was given to a device. Its results are there once `transfer` has waited for them.
struct StartedBatch {
  WorkItem item;                      ///< with the attempt that was made of it
  std::vector<std::int32_t> offsets;  ///< text k has the rows offsets[k] … offsets[k + 1]
  Transfer transfer;
  BatchResults results;  ///< on the host
};

/// Starts batches on a device, as graphs where the model has them. A GPU works on when start() returns.
class BatchStarter {
 public:
  BatchStarter(const Model& model, BatchGraphs& graphs, const DistinctTexts& texts, const ForwardOptions& options,
               Caller& caller)
      : model_(model), graphs_(graphs), texts_(texts), options_(options), caller_(caller) {}

  StartedBatch start(const WorkItem& item);

 private:
  struct Views {
    std::vector<std::span<const std::int32_t>> ids;
    std::vector<std::size_t> second_begins;  // as of pack_texts()
  };

  [[nodiscard]] Views views_of(const Batch& batch) const;
  BatchResults compute(const WorkItem& item, const Views& texts);

  const Model& model_;
  BatchGraphs& graphs_;
  const DistinctTexts& texts_;
  const ForwardOptions& options_;
  Caller& caller_;
};

}  // namespace bgem3
