#pragma once

#include <filesystem>

namespace bgem3 {

/// Processors that this process may use, at least 1: those of the affinity mask of the calling thread, or as many as
/// the quota of its cgroup pays for, rounded up, where these are fewer.
unsigned usable_processors();

/// Processors that the cgroup of this process pays for, rounded up, by version 2 (`cpu.max`) or 1
/// (`cpu.cfs_quota_us`); of nested cgroups the smallest counts. 0: no quota, or none that can be read.
/// @param root where /proc and the mounted cgroups are; "/" but in tests
unsigned cgroup_processors(const std::filesystem::path& root);

/// How many threads compute where nobody says: the first number of OMP_NUM_THREADS, which whoever runs the process may
/// have set, else usable_processors().
unsigned default_threads();

}  // namespace bgem3
