#include "cuda_emulator/emulator.h"

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "support/address_sanitizer.h"
#ifdef BGEM3_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

namespace bgem3::cuda {

constexpr std::size_t shared_bytes_of_block = 227 * 1024;
extern thread_local uint4 launched_shared_memory[];  // declared by launch.cuh
thread_local uint4 launched_shared_memory[shared_bytes_of_block / sizeof(uint4)];

}  // namespace bgem3::cuda

namespace bgem3::emulator {
namespace {

constexpr std::size_t stack_bytes = 128 * 1024;
// Where the launch's shared memory begins for PTX: at a multiple of 16 bytes, and of nothing more.
constexpr std::uint32_t shared_begin = 1024 + 16;

/// One of a group of copies.
struct Copy {
  std::uint32_t to;
  std::array<unsigned char, 16> bytes;
};

/// A stack of execution, as AddressSanitizer has to know it.
struct Stack {
  ucontext_t context{};
  void* fake_stack = nullptr;
  const void* bottom = nullptr;
  std::size_t size = 0;
};

/// Goes on with `to`; comes back when somebody switches to `from`.
void switch_stacks(Stack& from, Stack& to, bool from_ends) {
#ifdef BGEM3_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(from_ends ? nullptr : &from.fake_stack, to.bottom, to.size);
#endif
  (void)from_ends;
  swapcontext(&from.context, &to.context);
#ifdef BGEM3_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
#endif
}

struct Fibre {
  Stack stack;
  std::unique_ptr<char[]> memory{new char[stack_bytes]};
  dim3 index;
  bool is_done = true;
  std::optional<Condition> condition;
  const char* reason = nullptr;
  std::vector<std::vector<Copy>> copies{1};  // by group; the last one is open
  std::vector<PendingSums> sums;
  bool products_begun = false;
};

struct Barrier {
  unsigned arrived = 0;
  std::uint64_t phases = 0;
  std::set<unsigned> warps;  // that have used it
};

/// The block that runs. There is one at a time on each thread of the process.
struct Block {
  dim3 index, size;
  std::vector<Fibre> fibres;
  std::vector<Group> warps, warpgroups;
  std::map<int, Barrier> barriers;  // 0 is that of the whole block
  unsigned alive = 0;
  std::size_t shared_bytes = 0;
  Thread thread = nullptr;
  void* launch = nullptr;

  Stack scheduler;
  unsigned running = 0;
  std::exception_ptr error;
};

thread_local Block block;
thread_local std::uint64_t launches = 0;

Fibre& running() { return block.fibres[block.running]; }

// Of a fibre. What it throws is thrown again by the scheduler.
void begin_fibre() {
#ifdef BGEM3_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(nullptr, &block.scheduler.bottom, &block.scheduler.size);
#endif
  try {
    block.thread(block.launch);
  } catch (...) {
    block.error = std::current_exception();
  }
  Fibre& self = running();
  self.is_done = true;
  --block.alive;
  switch_stacks(self.stack, block.scheduler, /*from_ends=*/true);
}

void prepare(Fibre& fibre, unsigned rank) {
  const dim3& size = block.size;
  fibre.index = dim3(rank % size.x, rank / size.x % size.y, rank / (size.x * size.y));
  fibre.is_done = false;
  fibre.condition.reset();
  fibre.copies.assign(1, {});
  fibre.sums.clear();
  fibre.products_begun = false;
  Stack& stack = fibre.stack;
  stack.bottom = fibre.memory.get();
  stack.size = stack_bytes;
  getcontext(&stack.context);
  stack.context.uc_stack.ss_sp = fibre.memory.get();
  stack.context.uc_stack.ss_size = stack_bytes;
  stack.context.uc_link = nullptr;
  makecontext(&stack.context, begin_fibre, 0);
}

char* launched_memory() { return reinterpret_cast<char*>(cuda::launched_shared_memory); }

// Nothing in shared memory is what an earlier block left.
void prepare_block(std::size_t shared_bytes) {
  const unsigned threads = block.size.x * block.size.y * block.size.z;
  if (block.fibres.size() < threads) block.fibres.resize(threads);
  for (unsigned rank = 0; rank < threads; ++rank) prepare(block.fibres[rank], rank);
  block.warps.assign(threads / warp_size, Group(warp_size));
  block.warpgroups.assign(threads / warpgroup_size, Group(warpgroup_size));
  block.barriers.clear();
  block.alive = threads;
  block.shared_bytes = shared_bytes;
  ASAN_UNPOISON_MEMORY_REGION(launched_memory(), cuda::shared_bytes_of_block);
  std::memset(launched_memory(), 0xff, cuda::shared_bytes_of_block);
  ASAN_POISON_MEMORY_REGION(launched_memory() + shared_bytes, cuda::shared_bytes_of_block - shared_bytes);
}

// Whether the thread had anything to do.
bool resume(unsigned rank) {
  Fibre& fibre = block.fibres[rank];
  if (fibre.is_done || (fibre.condition && !(*fibre.condition)())) return false;
  fibre.condition.reset();
  block.running = rank;
  switch_stacks(block.scheduler, fibre.stack, /*from_ends=*/false);
  if (block.error) std::rethrow_exception(std::exchange(block.error, nullptr));
  return true;
}

[[noreturn]] void fail_waiting() {
  std::string reasons;
  for (unsigned rank = 0; rank < block.warps.size() * warp_size; ++rank) {
    const Fibre& fibre = block.fibres[rank];
    if (!fibre.is_done && reasons.find(fibre.reason) == std::string::npos) reasons.append(" ").append(fibre.reason);
  }
  throw std::logic_error("threads wait for others that do not come, at:" + reasons);
}

// Its threads, until each of them waits for another warp. Whether they had anything to do.
bool run_warp(unsigned warp, bool last_thread_first) {
  bool has_run = false;
  for (bool goes_on = true; goes_on; has_run = has_run || goes_on) {
    goes_on = false;
    for (unsigned i = 0; i < warp_size; ++i) {
      const unsigned lane = last_thread_first ? warp_size - 1 - i : i;
      goes_on = resume(warp * warp_size + lane) || goes_on;
    }
  }
  return has_run;
}

// Always the first warp that can go on, so that it is ahead of the others as far as barriers allow.
void run_block(bool last_thread_first) {
  const auto warps = static_cast<unsigned>(block.warps.size());
  while (block.alive > 0) {
    bool has_run = false;
    for (unsigned i = 0; i < warps && !has_run; ++i) {
      has_run = run_warp(last_thread_first ? warps - 1 - i : i, last_thread_first);
    }
    if (!has_run) fail_waiting();
  }
}

void check_launch(const dim3& blocks, const dim3& threads, std::size_t shared_bytes, std::size_t shared_bytes_max) {
  const unsigned count = threads.x * threads.y * threads.z;
  if (count == 0 || count > 1024 || threads.z > 64) fail("a block has 1 to 1024 threads, up to 64 of them along z");
  if (count % warp_size != 0) fail("a block of incomplete warps is not emulated");
  if (blocks.x == 0 || blocks.x > 0x7fffffff || blocks.y == 0 || blocks.y > 65535 || blocks.z == 0 || blocks.z > 65535)
    fail("a grid has 1 to 2147483647 blocks along x, 1 to 65535 along y and z");
  if (shared_bytes > shared_bytes_max) fail("more shared memory than the kernel may be launched with");
}

void arrive_and_wait(int number, const char* reason, const auto& expected) {
  Barrier& barrier = block.barriers[number];
  ++barrier.arrived;
  auto is_over = [&barrier, &expected, phase = barrier.phases] {
    if (barrier.phases == phase && barrier.arrived >= expected()) {
      barrier.arrived = 0;
      ++barrier.phases;
    }
    return barrier.phases != phase;
  };
  wait_until(Condition(is_over), reason);
}

}  // namespace

void fail(const char* reason) { throw std::logic_error(reason); }

const dim3& thread_index() { return running().index; }
const dim3& block_index() { return block.index; }
const dim3& block_size() { return block.size; }
unsigned thread_rank() { return block.running; }

Group& warp() { return block.warps[thread_rank() / warp_size]; }

Group& warpgroup() {
  if (thread_rank() / warpgroup_size >= block.warpgroups.size()) fail("a product of a warpgroup needs four warps");
  return block.warpgroups[thread_rank() / warpgroup_size];
}

void wait_until(Condition condition, const char* reason) {
  if (condition()) return;
  Fibre& self = running();
  self.condition = condition;
  self.reason = reason;
  switch_stacks(self.stack, block.scheduler, /*from_ends=*/false);
}

void synchronize_block() {
  arrive_and_wait(0, "__syncthreads", [] { return block.alive; });
}

void synchronize_named(int barrier, int threads) {
  if (barrier < 1 || barrier > 15) fail("named barriers have the numbers 1 to 15");
  auto& warps = block.barriers[barrier].warps;
  warps.insert(thread_rank() / warp_size);
  if (warps.size() * warp_size > static_cast<unsigned>(threads)) fail("a named barrier of too many warps");
  arrive_and_wait(barrier, "bar.sync", [threads] { return static_cast<unsigned>(threads); });
}

std::uint32_t shared_address(const void* pointer) {
  return shared_begin + static_cast<std::uint32_t>(static_cast<const char*>(pointer) - launched_memory());
}

const void* shared_memory(std::uint32_t address, std::size_t bytes) {
  const std::size_t begin = address - shared_begin;
  if (address < shared_begin || begin + bytes > block.shared_bytes) fail("beyond the shared memory of the launch");
  return launched_memory() + begin;
}

std::uint64_t& shared_barrier(std::uint32_t address) {
  if (address % alignof(std::uint64_t) != 0) fail("a barrier does not begin at 8 bytes");
  const auto offset = static_cast<std::int32_t>(address - shared_begin);
  return *reinterpret_cast<std::uint64_t*>(launched_memory() + offset);
}

void copy_later(std::uint32_t to, const void* from, bool valid) {
  if (to % 16 != 0 || reinterpret_cast<std::uintptr_t>(from) % 16 != 0) fail("a copy of 16 bytes does not begin at 16");
  (void)shared_memory(to, 16);
  Copy copy{to, {}};
  if (valid) std::memcpy(copy.bytes.data(), from, copy.bytes.size());
  running().copies.back().push_back(copy);
}

void end_copies() { running().copies.emplace_back(); }

void wait_for_copies(std::size_t pending) {
  auto& groups = running().copies;
  while (groups.size() > pending + 1) {
    for (const Copy& copy : groups.front()) {
      const std::size_t begin = copy.to - shared_begin;
      std::memcpy(launched_memory() + begin, copy.bytes.data(), copy.bytes.size());
    }
    groups.erase(groups.begin());
  }
}

std::vector<PendingSums>& pending_sums() { return running().sums; }

void begin_products() { running().products_begun = true; }

void expect_products_begun() {
  if (!running().products_begun) fail("a product of a warpgroup without wgmma.fence");
}

void end_products() {
  for (auto& one : running().sums) one.in_group = true;
}

void write_pending_sums() {
  for (const auto& [sums, values, in_group] : running().sums) {
    if (in_group) std::ranges::copy(values, sums);
  }
  std::erase_if(running().sums, [](const PendingSums& one) { return one.in_group; });
  running().products_begun = false;
}

const void*& last_stream() {
  thread_local const void* stream = nullptr;
  return stream;
}

void run(const dim3& blocks, const dim3& threads, std::size_t shared_bytes, std::size_t shared_bytes_max, Thread thread,
         void* launch) {
  check_launch(blocks, threads, shared_bytes, shared_bytes_max);
  block.size = threads;
  block.thread = thread;
  block.launch = launch;
  ++launches;
  for (unsigned z = 0; z < blocks.z; ++z) {
    for (unsigned y = 0; y < blocks.y; ++y) {
      for (unsigned x = 0; x < blocks.x; ++x) {
        block.index = dim3(x, y, z);
        prepare_block(shared_bytes);
        run_block((launches + x + y + z) % 2 == 1);
      }
    }
  }
}

}  // namespace bgem3::emulator
