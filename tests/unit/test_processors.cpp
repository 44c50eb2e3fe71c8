#include <sched.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "base/processors.h"
#include "support/temp_dir.h"

using namespace bgem3;

namespace {

// A machine's /proc and /sys as a process in a cgroup sees them.
class FakeRoot {
 public:
  FakeRoot(const std::string& cgroups, const std::string& mounts) {
    write("proc/self/cgroup", cgroups);
    write("proc/self/mountinfo", mounts);
  }

  void write(const std::string& name, const std::string& text) const { directory_.write(name, text); }

  [[nodiscard]] unsigned processors() const { return cgroup_processors(directory_.path()); }

 private:
  test::TempDir directory_;
};

const std::string version2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const std::string version1 =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "35 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n";

// OMP_NUM_THREADS, for the time of a test.
class OmpNumThreads {
 public:
  explicit OmpNumThreads(const char* value) {
    if (const char* before = std::getenv("OMP_NUM_THREADS")) before_ = before;
    value == nullptr ? ::unsetenv("OMP_NUM_THREADS") : ::setenv("OMP_NUM_THREADS", value, 1);
  }
  OmpNumThreads(const OmpNumThreads&) = delete;
  OmpNumThreads& operator=(const OmpNumThreads&) = delete;
  ~OmpNumThreads() { before_ ? ::setenv("OMP_NUM_THREADS", before_->c_str(), 1) : ::unsetenv("OMP_NUM_THREADS"); }

 private:
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("a quota of version 2 counts, rounded up") {
  const FakeRoot root("0::/pod\n", version2);
  CHECK(root.processors() == 0);  // no file
  for (const auto& [given, expected] : {std::pair{"max 100000", 0U},
                                        {"200000 100000", 2U},
                                        {"150000 100000", 2U},
                                        {"10000 100000", 1U},
                                        {"nonsense", 0U},
                                        {"0 100000", 0U},
                                        {"100000 0", 0U}}) {
    const char* const text = given;  // clang 14 captures no structured bindings
    CAPTURE(text);
    root.write("sys/fs/cgroup/pod/cpu.max", text);
    CHECK(root.processors() == expected);
  }
}

TEST_CASE("the smallest quota from the mount down to the own cgroup counts") {
  const FakeRoot root("0::/slice/pod\n", version2);
  root.write("sys/fs/cgroup/slice/cpu.max", "300000 100000\n");
  root.write("sys/fs/cgroup/slice/pod/cpu.max", "400000 100000\n");
  root.write("sys/fs/cgroup/slice/other/cpu.max", "100000 100000\n");
  CHECK(root.processors() == 3);
  root.write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  CHECK(root.processors() == 2);
}

TEST_CASE("a quota of version 1 counts, and version 2 beside it without a quota does not") {
  const FakeRoot root("7:memory:/pod\n4:cpu,cpuacct:/pod\n0::/\n",
                      version1 + "36 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  const std::string cgroup = "sys/fs/cgroup/cpu,cpuacct/pod/";
  root.write(cgroup + "cpu.cfs_quota_us", "-1\n");
  root.write(cgroup + "cpu.cfs_period_us", "100000\n");
  CHECK(root.processors() == 0);
  root.write(cgroup + "cpu.cfs_quota_us", "350000\n");
  CHECK(root.processors() == 4);
}

TEST_CASE("in a container the mount is of the own cgroup") {
  const FakeRoot whole("4:cpu:/docker/abc\n", "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
  whole.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000");
  whole.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  CHECK(whole.processors() == 2);
  const FakeRoot outside("0::/../../other\n", version2);
  outside.write("sys/fs/cgroup/cpu.max", "100000 100000");
  outside.write("other/cpu.max", "300000 100000");
  CHECK(outside.processors() == 1);
}

TEST_CASE("without readable files there is no quota") {
  CHECK(cgroup_processors("/no/such/root") == 0);
  CHECK(FakeRoot("", "").processors() == 0);
  CHECK(FakeRoot("garbage\n:\n0\n", "garbage\n\n- cgroup2\n").processors() == 0);
}

TEST_CASE("the affinity mask of the process is respected") {
  cpu_set_t before;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  CHECK(usable_processors() >= 1);
  CHECK(usable_processors() <= static_cast<unsigned>(CPU_COUNT(&before)));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i) {
    if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
  }
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(usable_processors() == 1);
  sched_setaffinity(0, sizeof before, &before);
}

TEST_CASE("OMP_NUM_THREADS comes before the processors") {
  for (const auto& [given, expected] : {std::pair{"3", 3U}, {" 5", 5U}, {"4,2", 4U}}) {
    const char* const text = given;  // clang 14 captures no structured bindings
    CAPTURE(text);
    const OmpNumThreads set(text);
    CHECK(default_threads() == expected);
  }
  for (const char* text : {static_cast<const char*>(nullptr), "", "0", "many", "-2", "99999999999"}) {
    const OmpNumThreads set(text);
    CHECK(default_threads() == usable_processors());
  }
}
