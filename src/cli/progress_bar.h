#pragma once

#include <chrono>
#include <cstddef>

namespace bgem3::cli {

/// One line on stderr that is drawn over and over: share done, texts, tokens per second, time left. Draws only when
/// stderr is a terminal, at most ten times a second, and leaves one summary line at the end.
class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  /// @param fraction  of all work that an earlier run has done
  void start(double fraction);

  /// @param fraction  of all work, 0 to 1; negative when the end of the input is not known
  void update(std::size_t texts, std::size_t tokens, double fraction);

  /// Replaces the bar by a summary.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] double seconds() const;
  void draw(double fraction) const;
  void erase() const;

  bool enabled_;
  bool drawn_ = false;
  Clock::time_point started_ = Clock::now();
  Clock::time_point drawn_at_;
  double fraction_begin_ = 0;
  std::size_t texts_ = 0;
  std::size_t tokens_ = 0;
};

}  // namespace bgem3::cli
