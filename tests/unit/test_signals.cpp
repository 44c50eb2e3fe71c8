#include "support/doctest_torch.h"

#if defined(__linux__) && defined(__x86_64__)

#include <pthread.h>
#include <ucontext.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include "bgem3/bgem3.h"
#include "bgem3/layers/linear.h"
#include "bgem3/reranker.h"

using namespace bgem3;

namespace {

std::uintptr_t stack_begin, stack_end;  // of the thread that is interrupted
std::atomic<int> on_stack, elsewhere;

void look_at_stack(int, siginfo_t*, void* context) {
  const auto pointer = static_cast<std::uintptr_t>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RSP]);
  ++(pointer >= stack_begin && pointer < stack_end ? on_stack : elsewhere);
}

void find_stack() {
  pthread_attr_t attributes;
  void* begin = nullptr;
  std::size_t size = 0;
  REQUIRE(pthread_getattr_np(pthread_self(), &attributes) == 0);
  pthread_attr_getstack(&attributes, &begin, &size);
  pthread_attr_destroy(&attributes);
  stack_begin = reinterpret_cast<std::uintptr_t>(begin);
  stack_end = stack_begin + size;
}

// Interrupts this thread all the time, until it ends. The handler has a stack of its own, so that the test does no
// harm.
class Interruptions {
 public:
  Interruptions() : memory_(std::size_t{1} << 16) {
    find_stack();
    on_stack = elsewhere = 0;
    stack_t own{};
    own.ss_sp = memory_.data();
    own.ss_size = memory_.size();
    REQUIRE(sigaltstack(&own, &stack_before_) == 0);
    struct sigaction action {};
    action.sa_sigaction = look_at_stack;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    REQUIRE(sigaction(SIGUSR1, &action, &action_before_) == 0);
    sender_ = std::thread([this, target = pthread_self()] {
      while (!done_) {
        pthread_kill(target, SIGUSR1);
        std::this_thread::yield();
      }
    });
  }
  ~Interruptions() {
    done_ = true;
    sender_.join();
    sigaction(SIGUSR1, &action_before_, nullptr);
    sigaltstack(&stack_before_, nullptr);
  }
  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;

 private:
  std::vector<std::byte> memory_;
  stack_t stack_before_{};
  struct sigaction action_before_ {};
  std::atomic<bool> done_ = false;
  std::thread sender_;
};

// Until work() was interrupted often enough to be caught in what takes a tenth of its time.
template <typename Work>
void check_stack(const Work& work) {
  const Interruptions interruptions;
  while (on_stack + elsewhere < 200) work();
  CHECK(elsewhere.load() == 0);
}

}  // namespace

TEST_CASE("signals find the stack where it was: layers of all sizes") {
  const c10::InferenceMode no_autograd;
  for (const Dtype dtype : {Dtype::float32, Dtype::bfloat16, Dtype::int8}) {
    if (!processor_has(dtype)) continue;
    for (const int64_t in : {1, 33, 64, 384, 768, 1000, 1023, 1024, 1536}) {
      CAPTURE(std::string(to_string(dtype)));
      CAPTURE(in);
      const int64_t out = in == 384 ? 1536 : 384;
      const auto type = dtype == Dtype::bfloat16 ? at::kBFloat16 : at::kFloat;
      Linear layer{at::randn({out, in}), at::randn({out})};
      pack(layer, dtype);
      const at::Tensor input = at::randn({100, in}).to(type), residual = at::randn({100, out}).to(type);
      check_stack([&] {
        (void)linear(input, layer);
        (void)linear_gelu(input, layer);
        (void)linear_add(input, residual, layer);
      });
    }
  }
}

TEST_CASE("signals find the stack where it was: whole models, packed and plain") {
  const std::filesystem::path models = BGEM3_TEST_MODELS_DIR;
  const std::vector<std::string> texts(8, "a text of some words, and some more of them");
  const std::vector<TextPair> pairs(8, {"a query", texts[0]});
  EncodeOptions everything;
  everything.sparse = everything.colbert = true;
  for (const bool prepack : {true, false}) {
    CAPTURE(prepack);
    LoadOptions options;
    options.prepack = prepack;
    const Embedder embedder = Embedder::load(models / "tiny", options);
    check_stack([&] { (void)embedder.encode(texts, everything); });
    const Reranker reranker = Reranker::load(models / "tiny-reranker", options);
    check_stack([&] { (void)reranker.score(pairs); });
  }
}

#endif
