#include "tokenizer/models/double_array.h"

#include <algorithm>

#include "bgem3/error.h"

namespace bgem3 {
namespace {

constexpr std::uint32_t block_size = 256;  // base ^ byte stays inside the block of base
constexpr std::uint32_t units_max = 1U << 22;
constexpr std::uint32_t open_blocks_max = 16;  // older blocks are nearly full: searching them costs more than it saves

// The units that may still be taken: a ring through the open blocks, in order. Link 0 is its end, link i + 1 unit i.
class FreeUnits {
 public:
  [[nodiscard]] std::uint32_t first() const { return links_[end].next; }
  [[nodiscard]] std::uint32_t next(std::uint32_t link) const { return links_[link].next; }
  [[nodiscard]] static std::uint32_t unit(std::uint32_t link) { return link - 1; }
  [[nodiscard]] bool is_free(std::uint32_t unit) const { return links_[unit + 1].is_free; }

  void add_block(std::uint32_t begin) {
    links_.resize(begin + block_size + 1);
    for (std::uint32_t unit = begin; unit < begin + block_size; ++unit) link_last(unit + 1);
    constexpr std::uint32_t open_units = open_blocks_max * block_size;
    if (begin < open_units) return;
    for (std::uint32_t unit = begin - open_units; unit < begin - open_units + block_size; ++unit) {
      if (is_free(unit)) take(unit);
    }
  }

  void take(std::uint32_t unit) {
    Link& taken = links_[unit + 1];
    links_[taken.previous].next = taken.next;
    links_[taken.next].previous = taken.previous;
    taken.is_free = false;
  }

  static constexpr std::uint32_t end = 0;

 private:
  struct Link {
    std::uint32_t next = end;
    std::uint32_t previous = end;
    bool is_free = false;
  };

  void link_last(std::uint32_t link) {
    const std::uint32_t last = links_[end].previous;
    links_[last].next = link;
    links_[link] = {end, last, true};
    links_[end].previous = link;
  }

  std::vector<Link> links_ = std::vector<Link>(1);
};

}  // namespace

/// Places the nodes of the trie depth first, so that a path tends to lie together.
class DoubleArrayBuilder {
 public:
  explicit DoubleArrayBuilder(const std::vector<DoubleArray::Key>& keys) : keys_(keys) {}

  std::vector<std::uint32_t> build() {
    add_block();
    free_.take(0);  // the root's own unit
    std::vector<Range> pending;
    if (!keys_.empty()) pending.push_back({0, keys_.size(), 0, 0});
    while (!pending.empty()) {
      const Range range = pending.back();
      pending.pop_back();
      place_children(range, pending);
    }
    return std::move(units_);
  }

 private:
  // Keys [begin, end) share their first `depth` bytes, which lead to `unit`.
  struct Range {
    std::size_t begin, end, depth;
    std::uint32_t unit;
  };

  void place_children(const Range& range, std::vector<Range>& pending) {
    collect_labels(range);
    const std::uint32_t base = find_base();
    is_base_[base] = 1;
    units_[range.unit] |= base << DoubleArray::base_shift;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const std::uint32_t child = base ^ labels_[i];
      free_.take(child);
      if (labels_[i] == 0) {  // a key ends here: its value takes the place of a child
        units_[range.unit] |= DoubleArray::value_flag;
        units_[child] = DoubleArray::no_child | keys_[starts_[i]].second;
      } else {
        units_[child] = labels_[i];
        pending.push_back({starts_[i], starts_[i + 1], range.depth + 1, child});
      }
    }
  }

  void collect_labels(const Range& range) {
    labels_.clear();
    starts_.clear();
    for (std::size_t key = range.begin; key < range.end; ++key) {
      const auto text = keys_[key].first;
      const unsigned char label = range.depth < text.size() ? static_cast<unsigned char>(text[range.depth]) : 0;
      if (labels_.empty() || labels_.back() != label) {
        labels_.push_back(label);
        starts_.push_back(key);
      }
    }
    starts_.push_back(range.end);
  }

  // A base that no other node has, so that a label alone tells whose child a unit is, with room for all children.
  std::uint32_t find_base() {
    for (auto link = free_.first(); link != FreeUnits::end; link = free_.next(link)) {
      const std::uint32_t base = FreeUnits::unit(link) ^ labels_.front();
      if (fits(base)) return base;
    }
    const auto begin = static_cast<std::uint32_t>(units_.size());
    add_block();
    return begin;
  }

  [[nodiscard]] bool fits(std::uint32_t base) const {
    return is_base_[base] == 0 && std::all_of(labels_.begin(), labels_.end(),
                                              [&](unsigned char label) { return free_.is_free(base ^ label); });
  }

  void add_block() {
    if (units_.size() + block_size > units_max) throw Error(ErrorCode::bad_model, "the vocabulary is too large");
    free_.add_block(static_cast<std::uint32_t>(units_.size()));
    units_.resize(units_.size() + block_size, DoubleArray::no_child);
    is_base_.resize(units_.size());
  }

  const std::vector<DoubleArray::Key>& keys_;
  std::vector<std::uint32_t> units_;
  FreeUnits free_;
  std::vector<char> is_base_;
  std::vector<unsigned char> labels_;
  std::vector<std::size_t> starts_;
};

DoubleArray DoubleArray::build(const std::vector<Key>& keys) {
  DoubleArray trie;
  trie.units_ = DoubleArrayBuilder(keys).build();
  return trie;
}

}  // namespace bgem3
