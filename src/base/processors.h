#pragma once

#include <filesystem>

namespace bgem3 {

/// Processors that this process may use, at least 1: those of the affinity mask of the calling thread, or as many as
/// the quota of its cgroup allows, rounded up, where these are fewer.
unsigned usable_processors();

/// Processors that the quota of this process's cgroup allows, rounded up, by version 2 (`cpu.max`) or 1
/// (`cpu.cfs_quota_us`); of nested cgroups the smallest counts. 0: there is no quota, or it cannot be read.
/// @param root where /proc and the mounted cgroups are; "/" but in tests
unsigned cgroup_processors(const std::filesystem::path& root);

/// How many threads compute where nobody says: the first number of OMP_NUM_THREADS, which whoever runs the process may
/// have set, else usable_processors().
unsigned default_threads();

}  // namespace bgem3
