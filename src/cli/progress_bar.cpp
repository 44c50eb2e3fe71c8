#include "cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "cli/message.h"
#include "cli/terminal.h"

namespace bgem3::cli {
namespace {

std::string clock_time(double seconds) {
  const auto whole = std::lround(seconds);
  return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                       : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string bar(double fraction, std::size_t columns) {
  const auto full = static_cast<std::size_t>(fraction * static_cast<double>(columns));
  std::string text;
  for (std::size_t i = 0; i < columns; ++i) text += i < full ? "█" : "░";
  return text;
}

}  // namespace

ProgressBar::ProgressBar(bool wanted) : enabled_(wanted && isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() { erase(); }

double ProgressBar::seconds() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }

void ProgressBar::start(double fraction) {
  started_ = Clock::now();
  fraction_begin_ = std::max(fraction, 0.0);
}

void ProgressBar::update(std::size_t texts, std::size_t tokens, double fraction) {
  texts_ = texts;
  tokens_ = tokens;
  constexpr auto interval = std::chrono::milliseconds(100);
  if (!enabled_ || Clock::now() - drawn_at_ < interval) return;
  drawn_at_ = Clock::now();
  draw(fraction);
  drawn_ = true;
}

void ProgressBar::draw(double fraction) const {
  const double elapsed = seconds();
  std::string line = fmt::format("{} texts  {:.0f} tokens/s  ", texts_, static_cast<double>(tokens_) / elapsed);
  if (fraction >= 0) {
    fraction = std::min(fraction, 1.0);
    const double done = fraction - fraction_begin_;
    line += done > 0 ? clock_time(elapsed * (1 - fraction) / done) + " left" : "… left";
    line = fmt::format("{:3.0f} % {} {}", fraction * 100, bar(fraction, 20), line);
  } else {
    line += clock_time(elapsed);
  }
  show("\r\x1b[K" + fit(line, std::min(display_width(line), terminal_width(STDERR_FILENO) - 1)));
}

void ProgressBar::erase() const {
  if (drawn_) show("\r\x1b[K");
}

void ProgressBar::finish() {
  erase();
  drawn_ = false;
  if (!enabled_) return;
  const double elapsed = seconds();
  show(fmt::format("{} texts, {} tokens in {} ({:.0f} tokens/s)\n", texts_, tokens_, clock_time(elapsed),
                   static_cast<double>(tokens_) / elapsed));
}

}  // namespace bgem3::cli
