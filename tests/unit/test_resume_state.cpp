#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include "cli/checksum.h"
#include "cli/resume_state.h"
#include "support/expect_error.h"

using namespace bgem3::cli;
using bgem3::test::contains;

namespace {

std::uint64_t checksum_of(const std::string& bytes, std::size_t part = 1 << 20) {
  Checksum checksum;
  for (std::size_t at = 0; at < bytes.size(); at += part) checksum.add(std::string_view(bytes).substr(at, part));
  return checksum.value();
}

ResumeState some_state() {
  ResumeState state;
  state.parameters = {{"dtype", "float32"}, {"kinds", "dense+\"sparse\""}};
  state.chunk_texts = 24;
  state.marks = {{}, {.texts = 12, .rows = 11, .bytes = 500, .input = 7, .output = UINT64_MAX}};
  return state;
}

std::string fault_of(const std::string& text) {
  ResumeState state;
  return parse_resume_state(text, state);
}

// The fault of a state whose text was changed, with a checksum that fits.
std::string fault_after(const std::string& from, const std::string& to) {
  std::string text = to_text(some_state());
  text.erase(text.find('\n') + 1);
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  return fault_of(text + checksum_line(text));
}

std::string fault_of(const ResumeState& state) { return fault_of(to_text(state)); }

}  // namespace

// By the xxhash package of Python, 4.1.
TEST_CASE("checksum is XXH64, however the bytes come") {
  std::string all;
  for (int i = 0; i < 5 * 256; ++i) all += static_cast<char>(i);
  all += "xyz";
  CHECK(checksum_of("") == 0xef46db3751d8e999);
  CHECK(checksum_of("a") == 0xd24ec4f1a98c6e5b);
  CHECK(checksum_of("abc") == 0x44bc2cf5ad770999);
  for (const std::size_t part : {1, 3, 31, 32, 33, 64, 2000}) CHECK(checksum_of(all, part) == 0xafd18a3957d3670a);
}

TEST_CASE("checksum of sized parts tells where they end") {
  const auto of = [](std::string_view first, std::string_view second) {
    Checksum checksum;
    checksum.add_sized(first);
    checksum.add_sized(second);
    return checksum.value();
  };
  CHECK(of("ab", "c") == of("ab", "c"));
  CHECK(of("ab", "c") != of("a", "bc"));
  CHECK(of("ab", "") != of("", "ab"));
}

TEST_CASE("a state is read as it was written") {
  const ResumeState written = some_state();
  ResumeState read;
  REQUIRE(parse_resume_state(to_text(written), read) == "");
  CHECK(read.parameters == written.parameters);
  CHECK(read.chunk_texts == written.chunk_texts);
  CHECK(read.marks == written.marks);
  CHECK(is_resume_state(to_text(written)));
}

TEST_CASE("every changed, missing or further byte of a state is noticed") {
  const std::string text = to_text(some_state());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK(fault_of(changed) != "");
    CHECK(fault_of(text.substr(0, i)) != "");
  }
  CHECK(fault_of(text + "\n") == "damaged");
  CHECK(fault_of("my notes") == "no file of this command");
}

TEST_CASE("a state of another version says so") {
  CHECK(fault_after("resume\":1", "resume\":2") == "of version 2; this bgem3 knows version 1");
  CHECK(contains(fault_after("resume\":1", "resume\":\"1\""), "not as this command writes it"));
}

TEST_CASE("what a state cannot say is refused") {
  const std::string refused = "not as this command writes it";
  CHECK(fault_after("\"chunk_texts\"", "\"color\":1,\"chunk_texts\"") == refused);
  CHECK(fault_after("\"chunk_texts\":24", "\"chunk_texts\":24,\"chunk_texts\":24") == refused);
  CHECK(fault_after("\"chunk_texts\":24,", "") == refused);
  CHECK(fault_after("24", "-24") == refused);
  CHECK(fault_after("24", "24.0") == refused);
  CHECK(fault_after("24", "0") == refused);
  CHECK(fault_after("24", "16385") == refused);
  CHECK(fault_after("\"float32\"", "32") == refused);
  CHECK(fault_after("[12,", "[12,0,") == refused);
  CHECK(fault_after("[12,11", "[12,13") == refused);     // more rows than texts
  CHECK(fault_after("[0,0,0,", "[13,0,0,") == refused);  // the next is before it
  CHECK(fault_after("0000000000000007", "7") == refused);
  CHECK(fault_after("0000000000000007", "x") == refused);
  CHECK(fault_after("[12,", std::string(50'000, '[')) == refused);
}

TEST_CASE("a state has limits") {
  ResumeState state = some_state();
  state.chunk_texts = ResumeState::chunk_texts_max;
  state.marks.assign(ResumeState::marks_max, {});
  while (state.parameters.size() < ResumeState::parameters_max) {
    state.parameters[std::to_string(state.parameters.size())] = "";
  }
  CHECK(fault_of(state) == "");
  state.marks.emplace_back();
  CHECK(fault_of(state) != "");
  state.marks.pop_back();
  state.parameters["one more"] = "";
  CHECK(fault_of(state) != "");
  state.parameters.erase("one more");
  state.marks.clear();
  CHECK(fault_of(state) != "");

  state = some_state();
  const std::size_t others = to_text(state).size();
  state.parameters["kinds"] += std::string(ResumeState::bytes_max - others, 'x');
  CHECK(to_text(state).size() == ResumeState::bytes_max);
  CHECK(fault_of(state) == "");
  state.parameters["kinds"] += "x";
  CHECK(fault_of(state) == "larger than 262144 bytes");
}

TEST_CASE("marks stay few and spread over the output, and the last is always there") {
  constexpr std::uint64_t rows = 100'000;
  ResumeState state;
  for (std::uint64_t i = 0; i <= rows; ++i) {
    state.add({.texts = i, .rows = i, .bytes = 10 * i});
    REQUIRE(state.marks.size() <= ResumeState::marks_max);
    REQUIRE(state.marks.back().rows == i);
  }
  CHECK(state.marks.front().rows == 0);
  for (std::size_t i = 1; i < state.marks.size(); ++i) {
    CHECK(state.marks[i].rows - state.marks[i - 1].rows <= 4 * rows / ResumeState::marks_max);
  }
}
