#include "cli/resume_state.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/checksum.h"

namespace bgem3::cli {
namespace {

using Json = nlohmann::json;

constexpr int version = 1;
constexpr const char* version_name = "bgem3_resume";
constexpr std::string_view begin = "{\"bgem3_resume\":";
constexpr const char* not_written_here = "not as this command writes it";

Json json_of(const ResumeMark& mark) {
  return {mark.texts, mark.rows, mark.bytes, fmt::format("{:016x}", mark.input), fmt::format("{:016x}", mark.output)};
}

std::uint64_t checksum_of(const Json& digits) { return std::stoull(digits.get_ref<const std::string&>(), nullptr, 16); }

ResumeMark mark_of(const Json& json) {
  ResumeMark mark;
  mark.texts = json.at(0).get<std::uint64_t>();
  mark.rows = json.at(1).get<std::uint64_t>();
  mark.bytes = json.at(2).get<std::uint64_t>();
  mark.input = checksum_of(json.at(3));
  mark.output = checksum_of(json.at(4));
  return mark;
}

ResumeState state_of(const Json& json) {
  ResumeState state;
  for (const auto& [name, value] : json.at("parameters").items()) {
    state.parameters.emplace(name, value.get<std::string>());
  }
  state.chunk_texts = json.at("chunk_texts").get<std::uint64_t>();
  for (const Json& mark : json.at("marks")) state.marks.push_back(mark_of(mark));
  return state;
}

// A mark may not lie before the one before it.
bool follows(const ResumeMark& next, const ResumeMark& mark) {
  return next.texts >= mark.texts && next.rows >= mark.rows && next.bytes >= mark.bytes;
}

bool is_possible(const ResumeState& state) {
  const auto& marks = state.marks;
  const auto is_out_of_order = [](const ResumeMark& mark, const ResumeMark& next) { return !follows(next, mark); };
  return state.parameters.size() <= ResumeState::parameters_max && state.chunk_texts >= 1 &&
         state.chunk_texts <= ResumeState::chunk_texts_max && !marks.empty() &&
         marks.size() <= ResumeState::marks_max && std::ranges::adjacent_find(marks, is_out_of_order) == marks.end() &&
         std::ranges::all_of(marks, [](const ResumeMark& mark) { return mark.rows <= mark.texts; });
}

std::string json_line(const ResumeState& state) {
  Json marks = Json::array();
  for (const ResumeMark& mark : state.marks) marks.push_back(json_of(mark));
  // Members come in the order of their names, the version first.
  const Json json = {
      {version_name, version}, {"parameters", state.parameters}, {"chunk_texts", state.chunk_texts}, {"marks", marks}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Of a file that is whole. Values that have no place in a state, and types that differ, are exceptions of nlohmann's.
std::string parse_json_line(std::string_view line, ResumeState& state) {
  const Json json = Json::parse(line, nullptr, false);
  const auto written_by = json.is_object() ? json.find(version_name) : json.end();
  if (written_by == json.end() || !written_by->is_number_unsigned()) return not_written_here;
  if (*written_by != version) {
    return fmt::format("of version {}; this bgem3 knows version {}", written_by->get<std::uint64_t>(), version);
  }
  ResumeState found = state_of(json);
  if (!is_possible(found) || json_line(found) != line) return not_written_here;
  state = std::move(found);
  return "";
}

}  // namespace

void ResumeState::add(const ResumeMark& mark) {
  if (marks.size() == marks_max) {
    std::size_t dropped = 1;
    for (std::size_t i = dropped; i + 1 < marks.size(); ++i) {
      if (rows_around(i) < rows_around(dropped)) dropped = i;
    }
    marks.erase(marks.begin() + static_cast<std::ptrdiff_t>(dropped));
  }
  marks.push_back(mark);
}

std::string checksum_line(std::string_view json) {
  Checksum checksum;
  checksum.add(json);
  return fmt::format("{:016x}\n", checksum.value());
}

std::string to_text(const ResumeState& state) {
  const std::string json = json_line(state);
  return json + checksum_line(json);
}

bool is_resume_state(std::string_view text) { return text.starts_with(begin); }

bool is_begun_resume_state(std::string_view text) { return begin.starts_with(text.substr(0, begin.size())); }

std::string parse_resume_state(std::string_view text, ResumeState& state) {
  if (!is_resume_state(text)) return "no file of this command";
  if (text.size() > ResumeState::bytes_max) return fmt::format("larger than {} bytes", ResumeState::bytes_max);
  const auto line_end = text.find('\n') + 1;  // 0 without one
  const std::string_view line = text.substr(0, line_end);
  if (line.empty() || text.substr(line_end) != checksum_line(line)) return "damaged";
  try {
    return parse_json_line(line, state);
  } catch (const std::exception&) {
    return not_written_here;
  }
}

}  // namespace bgem3::cli
