#include "cli/table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/color.h>
#include <fmt/format.h>

#include "cli/terminal.h"

namespace bgem3::cli {
namespace {

constexpr std::size_t value_columns = 7;
constexpr std::size_t label_columns_min = 12;

struct Range {
  float low = std::numeric_limits<float>::max();
  float high = std::numeric_limits<float>::lowest();
};

Range off_diagonal_range(const Matrix& values) {
  Range range;
  for (std::size_t i = 0; i < values.rows(); ++i) {
    for (std::size_t j = 0; j < values.cols(); ++j) {
      if (i == j) continue;
      range.low = std::min(range.low, values(i, j));
      range.high = std::max(range.high, values(i, j));
    }
  }
  return range;
}

// From dark blue (least alike) over teal to yellow (most): readable for people who do not tell red from green.
fmt::rgb shade(float share) {
  static constexpr fmt::rgb stops[] = {{48, 18, 90}, {38, 84, 124}, {32, 144, 140}, {94, 201, 98}, {253, 231, 37}};
  const float position = std::clamp(share, 0.0F, 1.0F) * (std::size(stops) - 1);
  const auto below = std::min<std::size_t>(static_cast<std::size_t>(position), std::size(stops) - 2);
  const float part = position - static_cast<float>(below);
  const auto mix = [part](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround(static_cast<float>(a) + part * static_cast<float>(b - a)));
  };
  const auto &a = stops[below], &b = stops[below + 1];
  return {mix(a.r, b.r), mix(a.g, b.g), mix(a.b, b.b)};
}

std::string cell(float value, bool diagonal, const Range& range, bool colored) {
  std::string text = fmt::format("{:>{}.3f} ", value, value_columns - 1);
  if (!colored || diagonal || range.high <= range.low) return text;
  const float share = (value - range.low) / (range.high - range.low);
  const auto ink = share > 0.55F ? fmt::rgb(0, 0, 0) : fmt::rgb(255, 255, 255);
  return fmt::format(fmt::bg(shade(share)) | fmt::fg(ink), "{}", text);
}

}  // namespace

std::string similarity_table(const std::vector<std::string>& labels, const Matrix& values, std::size_t columns,
                             bool colored) {
  std::size_t widest = 0;
  for (const auto& label : labels) widest = std::max(widest, display_width(label));
  const std::size_t number_columns = fmt::formatted_size("{}", labels.size());
  const std::size_t taken = labels.size() * value_columns + number_columns + 3;
  const std::size_t room = columns > taken + label_columns_min ? columns - taken : label_columns_min;
  const std::size_t label_columns = std::min(widest, room);

  std::string table(number_columns + label_columns + 3, ' ');
  for (std::size_t j = 1; j <= labels.size(); ++j) table += fmt::format("{:>{}} ", j, value_columns - 1);
  table += '\n';
  const Range range = off_diagonal_range(values);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    table += fmt::format("{:>{}} {}  ", i + 1, number_columns, fit(labels[i], label_columns));
    for (std::size_t j = 0; j < labels.size(); ++j) {
      table += cell(values(i, j), i == j, range, colored);
    }
    table += '\n';
  }
  return table;
}

}  // namespace bgem3::cli
