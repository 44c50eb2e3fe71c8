#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

// Runs kernels on the CPU as they are launched on a GPU: one block after the other, each thread of a block on a fibre.
// A thread runs until it needs others: for a shuffle or a product those of its warp, for a barrier those of its block.
// The first warp is as far ahead of the others as barriers allow; in every second launch and block it is the last one:
// a barrier that is missing shows in one of the two orders, or not at all where other waiting hides it. What a GPU
// would answer with a wrong number or a hang is a std::logic_error of the launch: threads of a warp at different
// instructions, a barrier that is never complete, a launch that the hardware refuses.

struct dim3 {
  unsigned x, y, z;
  // NOLINTNEXTLINE(google-explicit-constructor): as CUDA's
  constexpr dim3(unsigned along_x = 1, unsigned along_y = 1, unsigned along_z = 1)
      : x(along_x), y(along_y), z(along_z) {}
};

struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

namespace bgem3::emulator {

/// Ends the launch with std::logic_error.
[[noreturn]] void fail(const char* reason);

/// Of the thread that runs.
const dim3& thread_index();
const dim3& block_index();
const dim3& block_size();
unsigned thread_rank();  ///< in its block, x first

/// A function that is called while it waits, without memory of its own.
class Condition {
 public:
  template <typename Function>
  explicit Condition(Function& function)
      : function_(&function), call_([](void* it) { return static_cast<bool>((*static_cast<Function*>(it))()); }) {}
  bool operator()() const { return call_(function_); }

 private:
  void* function_;
  bool (*call_)(void*);
};

/// Lets other threads run until the condition holds. `reason` is told when it never does.
void wait_until(Condition condition, const char* reason);

/// Threads that meet at one instruction: a warp, or the four warps of a warpgroup.
class Group {
 public:
  explicit Group(std::size_t size) : parts_(size) {}

  /// Waits until all threads of the group are at `instruction`, each with a `part`; the last of them calls
  /// work(parts), which writes the results into the parts.
  template <typename Part, typename Work>
  void meet(const char* instruction, std::size_t rank, Part& part, const Work& work) {
    if (arrived_ > 0 && instruction != instruction_) fail("threads of a warp are at different instructions");
    instruction_ = instruction;
    parts_[rank] = &part;
    if (++arrived_ == parts_.size()) {
      work([this](std::size_t other) -> Part& { return *static_cast<Part*>(parts_[other]); });
      arrived_ = 0;
      ++meetings_;
      return;
    }
    auto is_over = [this, meeting = meetings_] { return meetings_ != meeting; };
    wait_until(Condition(is_over), instruction);
  }

 private:
  std::vector<void*> parts_;
  std::size_t arrived_ = 0;
  std::uint64_t meetings_ = 0;
  const char* instruction_ = nullptr;
};

constexpr unsigned warp_size = 32;
constexpr unsigned warpgroup_size = 128;
Group& warp();
Group& warpgroup();

/// The rank of the thread in its warp, and in its warpgroup.
inline unsigned lane() { return thread_rank() % warp_size; }
inline unsigned lane_of_warpgroup() { return thread_rank() % warpgroup_size; }

/// Waits for all threads of the block that are still running.
void synchronize_block();
/// Waits for the `threads` that use the barrier.
void synchronize_named(int barrier, int threads);

// Shared memory as PTX addresses it, by 32 bits.
std::uint32_t shared_address(const void* pointer);
/// `bytes` that have to lie in the memory that the launch gave.
const void* shared_memory(std::uint32_t address, std::size_t bytes);
/// A barrier, which may be a variable of the kernel.
std::uint64_t& shared_barrier(std::uint32_t address);

/// Copies of the running thread to shared memory, which are made no earlier than they are waited for.
void copy_later(std::uint32_t to, const void* from, bool valid);
void end_copies();
void wait_for_copies(std::size_t pending);

/// Sums that a product writes no earlier than they are waited for, and only if they belong to a group by then.
struct PendingSums {
  float* sums;
  std::vector<float> values;
  bool in_group = false;
};
std::vector<PendingSums>& pending_sums();  ///< of the running thread
/// Products come after begin_products(), which they need anew once their sums were waited for.
void begin_products();
void expect_products_begun();
void end_products();
void write_pending_sums();

/// The stream of the last launch of this thread of the process.
const void*& last_stream();

/// What each thread does, given the launch.
using Thread = void (*)(void* launch);
void run(const dim3& blocks, const dim3& threads, std::size_t shared_bytes, std::size_t shared_bytes_max, Thread thread,
         void* launch);

}  // namespace bgem3::emulator
