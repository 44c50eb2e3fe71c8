#pragma once

#include "model/compute_slots.h"
#include "model/thread_count.h"
#include "model/wake_team.h"

namespace bgem3 {

/// What a call has while it computes a batch on the CPU: one of the model's turns, and the model's number of threads.
class Computation {
 public:
  /// Waits for the turn.
  Computation(ComputeSlots& slots, unsigned threads) : turn_(slots), threads_(threads) { wake_team(); }
  Computation(const Computation&) = delete;
  Computation& operator=(const Computation&) = delete;
  ~Computation() { note_team_busy(); }

  /// Around a callback of the user's, which finds its thread as the user has set it up, and may wait for other calls.
  /// When the callback throws, the computation is over.
  void pause() {
    threads_.restore();
    turn_.lend();
  }
  void resume() {
    turn_.take_back();
    threads_.set();
  }

 private:
  ComputeSlots::Turn turn_;
  ThreadCount threads_;
};

}  // namespace bgem3
