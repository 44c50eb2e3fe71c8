#include "server/metrics.h"

#include <unistd.h>

#include <fstream>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace bgem3::server {
namespace {

using Seconds = std::chrono::duration<double>;
using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets seconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
const Buckets powers = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

using Histograms = prometheus::Family<prometheus::Histogram>;
using SomeGauges = prometheus::Family<prometheus::Gauge>;

// What is told of each model by itself, under the label `model`.
struct ModelSeries {
  prometheus::Histogram& batch_seconds;
  prometheus::Histogram& batch_tokens;
  prometheus::Histogram& batch_texts;
  prometheus::Histogram& batch_requests;
  prometheus::Gauge& queue_depth;
  prometheus::Gauge& queue_tokens;
  prometheus::Gauge& running_batches;
  prometheus::Gauge& stalled;

  void set(const BatchingStatistics& statistics) const {
    queue_depth.Set(static_cast<double>(statistics.waiting_texts));
    queue_tokens.Set(static_cast<double>(statistics.waiting_tokens));
    running_batches.Set(static_cast<double>(statistics.running_batches));
    stalled.Set(Seconds(statistics.stalled).count());
  }
};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;

  Histograms& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  SomeGauges& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }

  prometheus::Histogram& histogram(const char* name, const char* help, const Buckets& buckets) {
    return histograms(name, help).Add({}, buckets);
  }
  prometheus::Counter& counter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
  }
  prometheus::Gauge& gauge(const char* name, const char* help) { return gauges(name, help).Add({}); }

  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter().Name("bgem3_requests_total").Help("Requests by route and status").Register(registry);
  Histograms& request_seconds = histograms("bgem3_request_seconds", "From the head of a request to its answer");
  prometheus::Histogram& tokenize =
      histogram("bgem3_tokenize_seconds", "Time to tokenise the texts of a request", seconds);
  prometheus::Histogram& queue = histogram("bgem3_queue_seconds", "Wait of a request for its first batch", seconds);
  prometheus::Histogram& compute =
      histogram("bgem3_compute_seconds", "From the first batch of a request to the end of its last", seconds);
  Histograms& batch_seconds = histograms("bgem3_batch_seconds", "Time to compute a batch");
  Histograms& batch_tokens = histograms("bgem3_batch_tokens", "Tokens of a batch");
  Histograms& batch_texts = histograms("bgem3_batch_texts", "Texts of a batch; of the reranker, pairs");
  Histograms& batch_requests = histograms("bgem3_batch_requests", "Requests that share a batch");
  prometheus::Counter& texts = counter("bgem3_texts_total", "Texts embedded or ranked");
  prometheus::Counter& tokens = counter("bgem3_tokens_total", "Tokens embedded or ranked");

  SomeGauges& queue_depth = gauges("bgem3_queue_depth", "Texts that wait for a batch; of the reranker, pairs");
  SomeGauges& queue_tokens = gauges("bgem3_queue_tokens", "Their tokens");
  SomeGauges& running_batches = gauges("bgem3_running_batches", "Batches in work");
  SomeGauges& stalled = gauges("bgem3_stalled_seconds", "Time since the batch in work came on by a layer");
  prometheus::Gauge& in_work = gauge("bgem3_requests_in_work", "Requests in work");
  prometheus::Gauge& waiting = gauge("bgem3_requests_waiting", "Requests that wait for their turn");
  prometheus::Gauge& requests_max = gauge("bgem3_requests_max", "As many are taken at a time");
  prometheus::Gauge& ready = gauge("bgem3_ready", "1: the model is loaded and warm, and its files have not changed");
  prometheus::Gauge& recomputed =
      gauge("bgem3_recomputed_batches", "Batches computed again in float32, since the start");
  prometheus::Gauge& memory = gauge("bgem3_resident_memory_bytes", "Memory of the process");
  prometheus::Gauge& device_memory =
      gauge("bgem3_device_memory_bytes", "Memory held on the GPU, what is kept for later included; 0 on the CPU");

  ModelSeries embedder = series_of("embedder");
  std::optional<ModelSeries> reranker;

  ModelSeries series_of(const char* model) {
    const prometheus::Labels labels = {{"model", model}};
    return {batch_seconds.Add(labels, seconds),
            batch_tokens.Add(labels, powers),
            batch_texts.Add(labels, powers),
            batch_requests.Add(labels, powers),
            queue_depth.Add(labels),
            queue_tokens.Add(labels),
            running_batches.Add(labels),
            stalled.Add(labels)};
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::add_reranker() { impl_->reranker.emplace(impl_->series_of("reranker")); }

void Metrics::count_request(const std::string& route, unsigned status, std::chrono::nanoseconds total) {
  impl_->requests.Add({{"route", route}, {"status", std::to_string(status)}}).Increment();
  impl_->request_seconds.Add({{"route", route}}, seconds).Observe(Seconds(total).count());
}

void Metrics::count_work(const RequestTimes& times, std::size_t texts, std::size_t tokens) {
  impl_->tokenize.Observe(Seconds(times.tokenize).count());
  impl_->queue.Observe(Seconds(times.queue).count());
  impl_->compute.Observe(Seconds(times.compute).count());
  impl_->texts.Increment(static_cast<double>(texts));
  impl_->tokens.Increment(static_cast<double>(tokens));
}

void Metrics::count_batch(ModelRole role, const BatchReport& batch) {
  const ModelSeries& series = role == ModelRole::embedder ? impl_->embedder : impl_->reranker.value();
  series.batch_seconds.Observe(Seconds(batch.compute).count());
  series.batch_tokens.Observe(static_cast<double>(batch.tokens));
  series.batch_texts.Observe(static_cast<double>(batch.texts));
  series.batch_requests.Observe(static_cast<double>(batch.requests));
}

std::string Metrics::serialize(const Gauges& gauges) {
  impl_->embedder.set(gauges.embedder);
  if (gauges.reranker) impl_->reranker.value().set(*gauges.reranker);
  impl_->in_work.Set(static_cast<double>(gauges.requests_in_work));
  impl_->waiting.Set(static_cast<double>(gauges.requests_waiting));
  impl_->requests_max.Set(static_cast<double>(gauges.requests_max));
  impl_->ready.Set(gauges.is_ready ? 1 : 0);
  impl_->recomputed.Set(static_cast<double>(gauges.model.recomputed_batches));
  impl_->memory.Set(resident_bytes());
  impl_->device_memory.Set(static_cast<double>(gauges.device_memory));
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace bgem3::server
