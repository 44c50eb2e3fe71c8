#include "base/processors.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bgem3 {
namespace {

namespace fs = std::filesystem;

// A tree of cgroups that limit processors, and where in it the process is.
struct Tree {
  bool version2;
  fs::path mounted_at;
  fs::path mounted_part;  // of the tree: "/", or in a container its own cgroup
};

bool has_item(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == item) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

// Lines of mountinfo: "36 35 98:0 /part /mounted/at rw,noatime shared:1 - cgroup source rw,cpu". Source: proc(5).
std::optional<Tree> parse_mount(const std::string& line) {
  std::istringstream fields(line);
  std::string ignored, part, at, word, type, options;
  fields >> ignored >> ignored >> ignored >> part >> at;
  while (fields >> word && word != "-") {
  }
  fields >> type >> ignored >> options;
  if (type == "cgroup2") return Tree{true, at, part};
  if (type == "cgroup" && has_item(options, "cpu")) return Tree{false, at, part};
  return std::nullopt;
}

// Lines of /proc/self/cgroup: "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1. Source: cgroups(7).
std::optional<fs::path> find_own_cgroup(const fs::path& root, bool version2) {
  std::ifstream lines(root / "proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers = std::string_view(line).substr(first + 1, second - first - 1);
    if (version2 ? line.starts_with("0::") : has_item(controllers, "cpu")) return line.substr(second + 1);
  }
  return std::nullopt;
}

// Processors of one cgroup.
std::optional<double> read_quota(const fs::path& cgroup, bool version2) {
  double quota = 0, period = 0;
  if (version2) {
    std::ifstream limit(cgroup / "cpu.max");  // "max 100000" without a quota
    limit >> quota >> period;
  } else {
    std::ifstream(cgroup / "cpu.cfs_quota_us") >> quota;  // -1 without a quota
    std::ifstream(cgroup / "cpu.cfs_period_us") >> period;
  }
  if (!(quota > 0) || !(period > 0)) return std::nullopt;
  return quota / period;
}

// From the mount down to the cgroup of the process, as far as they can be seen from here.
std::optional<double> smallest_quota(const fs::path& root, const Tree& tree) {
  const auto own = find_own_cgroup(root, tree.version2);
  if (!own) return std::nullopt;
  fs::path cgroup = root / tree.mounted_at.relative_path();
  std::optional<double> smallest = read_quota(cgroup, tree.version2);
  for (const auto& name : own->lexically_relative(tree.mounted_part)) {
    if (name == "..") break;  // elsewhere: in a container whose view of the tree is cut off
    cgroup /= name;
    const auto quota = read_quota(cgroup, tree.version2);
    if (quota) smallest = std::min(*quota, smallest.value_or(*quota));
  }
  return smallest;
}

unsigned processors_of_affinity() {
  // Machines with more processors than a mask of fixed size has bits want a larger one.
  constexpr std::size_t most = 1U << 16U;
  std::vector<cpu_set_t> mask(most / CPU_SETSIZE);
  if (sched_getaffinity(0, mask.size() * sizeof(cpu_set_t), mask.data()) != 0) {
    return std::max(1U, std::thread::hardware_concurrency());
  }
  return static_cast<unsigned>(std::max(1, CPU_COUNT_S(mask.size() * sizeof(cpu_set_t), mask.data())));
}

}  // namespace

unsigned cgroup_processors(const fs::path& root) {
  std::optional<double> smallest;
  std::ifstream mounts(root / "proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const auto tree = parse_mount(line);
    const auto quota = tree ? smallest_quota(root, *tree) : std::nullopt;
    if (quota) smallest = std::min(*quota, smallest.value_or(*quota));
  }
  constexpr double most = 1 << 16;
  return smallest ? static_cast<unsigned>(std::min(std::ceil(*smallest), most)) : 0;
}

unsigned usable_processors() {
  const unsigned affinity = processors_of_affinity(), quota = cgroup_processors("/");
  return quota == 0 ? affinity : std::min(affinity, quota);
}

unsigned default_threads() {
  const char* const set = std::getenv("OMP_NUM_THREADS");  // "4", or "4,2" for nested teams
  std::string_view text = set == nullptr ? "" : set;
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  unsigned threads = 0;
  std::from_chars(text.data(), text.data() + text.size(), threads);
  return threads == 0 ? usable_processors() : threads;
}

}  // namespace bgem3
