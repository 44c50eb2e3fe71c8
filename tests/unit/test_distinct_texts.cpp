#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "bgem3/eigen.h"
#include "pipeline/distinct_texts.h"

using namespace bgem3;

namespace {

using Numbers = std::vector<std::size_t>;

const std::vector<TokenIds> texts = {{0, 7, 2}, {0, 2}, {0, 7, 2}, {0, 7, 7, 2}, {0, 2}, {0, 7, 2}};

}  // namespace

TEST_CASE("equal texts are found, in order of first appearance") {
  const DistinctTexts found = find_distinct(texts);
  CHECK(found.ids == std::vector<TokenIds>{{0, 7, 2}, {0, 2}, {0, 7, 7, 2}});
  CHECK(found.copies == Numbers{3, 2, 1});
  CHECK(found.text_of == Numbers{0, 1, 0, 2, 1, 0});
  CHECK(found.has_repetitions());
}

TEST_CASE("pairs of equal ids are equal where their types are, too") {
  const std::vector<PairIds> pairs = {
      {{0, 7, 2, 2}, 3}, {{0, 7, 2, 2}, 2}, {{0, 7, 2, 2}, 3}, {{0, 2}, 1}, {{0, 2}, 1}};
  const DistinctTexts typed = find_distinct(pairs, true);
  CHECK(typed.ids == std::vector<TokenIds>{{0, 7, 2, 2}, {0, 7, 2, 2}, {0, 2}});
  CHECK(typed.second_begins == Numbers{3, 2, 1});
  CHECK(typed.copies == Numbers{2, 1, 2});
  CHECK(typed.text_of == Numbers{0, 1, 0, 2, 2});
  const DistinctTexts plain = find_distinct(pairs, false);
  CHECK(plain.ids == std::vector<TokenIds>{{0, 7, 2, 2}, {0, 2}});
  CHECK(plain.second_begins.empty());
  CHECK(plain.copies == Numbers{3, 2});
  CHECK(plain.text_of == Numbers{0, 0, 0, 1, 1});
}

TEST_CASE("values and rows of distinct texts are expanded to all") {
  const DistinctTexts found = find_distinct(texts);
  CHECK(expand(found, Numbers{10, 11, 12}) == Numbers{10, 11, 10, 12, 11, 10});
  Matrix rows(3, 2);
  as_eigen(rows) << 1, 2, 3, 4, 5, 6;
  Matrix all(6, 2);
  as_eigen(all) << 1, 2, 3, 4, 1, 2, 5, 6, 3, 4, 1, 2;
  CHECK(expand(found, rows) == all);
  CHECK(expand(found, Numbers{}).empty());  // a kind that was not asked for
}

TEST_CASE("without repetitions nothing is copied") {
  const DistinctTexts found = find_distinct({{0, 2}, {0, 5, 2}});
  CHECK_FALSE(found.has_repetitions());
  std::vector<int> values = {1, 2};
  const int* data = values.data();
  CHECK(expand(found, std::move(values)).data() == data);
  CHECK(find_distinct({}).ids.empty());
}

TEST_CASE("texts may come in parts") {
  DistinctTexts found;
  for (const auto& ids : texts) add_distinct(found, {ids});
  add_distinct(found, {});
  const DistinctTexts moved = std::move(found);
  CHECK(moved.ids == find_distinct(texts).ids);
  CHECK(moved.copies == Numbers{3, 2, 1});
  CHECK(moved.text_of == Numbers{0, 1, 0, 2, 1, 0});
}

TEST_CASE("add_all keeps repetitions") {
  DistinctTexts all;
  add_all(all, {texts.begin(), texts.begin() + 2});
  add_all(all, {texts.begin() + 2, texts.end()});
  CHECK(all.ids == texts);
  CHECK(all.copies == Numbers(6, 1));
  CHECK(all.text_of == Numbers{0, 1, 2, 3, 4, 5});
}
