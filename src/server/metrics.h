#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bgem3/batching_embedder.h"
#include "server/models.h"

namespace bgem3::server {

/// What is looked up when somebody asks, rather than counted as it happens.
struct Gauges {
  BatchingStatistics embedder;
  std::optional<BatchingStatistics> reranker;
  Statistics model;
  std::size_t requests_in_work = 0;
  std::size_t requests_waiting = 0;
  std::size_t requests_max = 0;
  bool is_ready = false;
  std::int64_t device_memory = 0;  ///< bytes
};

/// The numbers of GET /metrics. Any thread.
class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  /// There is a reranker, too; before anything is counted of it.
  void add_reranker();

  void count_request(const std::string& route, unsigned status, std::chrono::nanoseconds total);
  void count_work(const RequestTimes& times, std::size_t texts, std::size_t tokens);
  void count_batch(ModelRole role, const BatchReport& batch);

  /// In Prometheus' text format.
  [[nodiscard]] std::string serialize(const Gauges& gauges);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bgem3::server
