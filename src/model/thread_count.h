#pragma once

namespace bgem3 {

/// How many threads of OpenMP's compute what the calling thread computes, for as long as this lives: in our kernels,
/// LibTorch, oneDNN and MKL. Other threads have numbers of their own. at::set_num_threads() would change theirs as
/// well.
///
/// Without OpenMP in the compiler, as with ThreadSanitizer, nothing is changed.
class ThreadCount {
 public:
  /// 0 leaves it as it is.
  explicit ThreadCount(unsigned threads);
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;
  ~ThreadCount() { restore(); }

  /// Back to what the thread had before, and again to `threads`.
  void restore() noexcept;
  void set() noexcept;

  /// `threads`, or 1 on the thread of a forked child that forked it, whose OpenMP team stayed with the parent: OpenMP
  /// would wait for that for good. Other threads of the child get teams of their own, and so does the child of a
  /// process that never had threads, such as a daemon that loads its model after the fork.
  static unsigned usable(unsigned threads);

  /// How many LibTorch computes with on this thread now.
  static unsigned of_libtorch();

 private:
  int threads_;
  [[maybe_unused]] int before_ = 0;  // unused without OpenMP
};

}  // namespace bgem3
