#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bgem3/config.h"
#include "bgem3/dtype.h"
#include "bgem3/matrix.h"
#include "bgem3/tokenizer.h"

namespace bgem3 {

enum class LogLevel {
  info,     ///< what an operator may want to know
  warning,  ///< results are right, and yet something is not as it should be
  error,    ///< the model gives no more results
};

/// Gets a line of text without its end, on the thread where it happened; threads may call it at the same time. Must not
/// throw; exceptions are swallowed.
using LogCallback = std::function<void(LogLevel level, std::string_view message)>;

/// How Embedder::load prepares a model.
struct LoadOptions {
  /// Where the encoder runs: "cpu", "cuda" (the first GPU), "cuda:N", or several GPUs: "cuda:0,cuda:1". The weights are
  /// on each of them, and the batches of a call go to whichever is free. A device that is named twice computes two
  /// batches at a time.
  std::string device = "cpu";
  Dtype dtype = Dtype::automatic;  ///< what it computes in; refused where the processor cannot
  std::optional<Pooling> pooling;  ///< instead of the model directory's own
  /// Copy the large matrices into the layout that multiplies fastest: twice the speed, for a private copy instead of
  /// file pages that several processes share. Other dtypes than float32 cannot do without; on CUDA it has no effect.
  bool prepack = true;
  /// On CUDA, record small batches (up to 1024 tokens) of each size once as a CUDA graph, which is then launched as a
  /// whole: half the latency, for some memory for each size and each call at the same time. For models with CLS
  /// pooling; on the CPU without effect.
  bool cuda_graphs = true;
  /// Read the weights into memory of this process instead of mapping their files: for files that may be changed in
  /// place, and for processes that must not have a handler of SIGBUS installed. Costs ModelInfo::weight_bytes of memory
  /// that no other process shares, and the time to read all of the files. Without it, a file that is changed after load
  /// is answered with Error model_changed (see Embedder::encode). On CUDA, the files are of no consequence after load
  /// either way.
  bool copy = false;
  /// Threads that compute a call on the CPU, at most 1024; on CUDA they tokenise only. 0: OMP_NUM_THREADS where that is
  /// set, else one for each processor that the process may use: its affinity mask and the quota of its cgroup count.
  unsigned threads = 0;
  /// Calls that compute on the CPU at the same time; the others wait, and take turns after each batch. So `threads` ×
  /// `parallel_calls` threads of this model are busy at most, however many threads call. 0: 2. On CUDA it has no
  /// effect.
  unsigned parallel_calls = 0;
  TokenizerOptions tokenizer;  ///< which of the two Hugging Face pipelines to follow
  /// Optional; called when the model is loaded, when memory has no room for a batch, when a batch is computed again in
  /// float32, when a CUDA graph cannot be recorded, when the system gives no thread, and when a file of the model
  /// changes. Needed as long as the model.
  LogCallback on_log;
};

/// How far a call to Embedder::encode has come.
struct Progress {
  std::size_t texts_done = 0;
  std::size_t texts_total = 0;
  std::size_t tokens_done = 0;
  std::size_t tokens_total = 0;  ///< 0: not known yet; a long call is tokenised while a GPU computes
};

/// Called on the thread that called encode(), after every layer of every batch, so that a stop takes effect soon (after
/// every batch of those that run as CUDA graphs); the counts move when a batch is done. Return false to stop: encode()
/// then throws Error cancelled.
using ProgressCallback = std::function<bool(const Progress&)>;

/// The hidden states of one packed batch after one layer, as handed to EncodeOptions::on_hidden_states.
struct HiddenStates {
  std::int64_t layer;                     ///< 0: after the input embedding; i: after encoder layer i
  std::span<const std::size_t> texts;     ///< [b] indices into the call's texts, in batch order
  std::span<const std::int32_t> offsets;  ///< [b + 1] rows of text k are offsets[k] … offsets[k + 1]
  MatrixView values;                      ///< [N, D], valid during the call only
};

using HiddenStatesCallback = std::function<void(const HiddenStates&)>;

/// What Embedder::encode computes, and how.
struct EncodeOptions {
  bool dense = true;
  bool sparse = false;
  bool colbert = false;

  std::optional<std::string> prompt;       ///< put before each text. Unset: the one of prompt_name
  std::optional<std::string> prompt_name;  ///< of ModelConfig::prompts. Unset: the model directory's default

  std::size_t max_length = 0;    ///< tokens of a text; longer ones are truncated. 0: the model's own limit
  std::size_t batch_size = 0;    ///< most texts of one batch. 0: 256, on CUDA 65535, which is the maximum there
  std::size_t batch_tokens = 0;  ///< most tokens of one batch; a longer text runs alone. 0: 4096, on CUDA 16384
  std::size_t truncate_dim =
      0;  ///< leading components of dense and ColBERT vectors to keep. 0: as the model directory says
  std::optional<bool> normalize;   ///< L2-normalise dense and ColBERT vectors. Unset: as the model directory says
  std::string device;              ///< of LoadOptions::device the one that computes. Empty: all
  unsigned tokenizer_threads = 0;  ///< 0: TokenizerOptions::threads of LoadOptions, or LoadOptions::threads

  ProgressCallback on_progress;           ///< optional
  HiddenStatesCallback on_hidden_states;  ///< optional; costs a copy per layer, and only one device computes
};

}  // namespace bgem3
