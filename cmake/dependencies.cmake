# Libraries the compiled part uses. An installed copy first (distribution, vcpkg), a pinned download second: a commit, as a
# tag may be moved. The least versions are those of Debian 12, which is what the tests run with; docs/building.md has them
# all, and lint.dependencies compares.
include(FetchContent)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# bgem3_dependency(<package> <least version> <git repository> <version to fetch> <its commit>)
macro(bgem3_dependency package least repository version commit)
  find_package(${package} ${least} QUIET)
  if(NOT ${package}_FOUND)
    bgem3_fetch(${package} ${least} ${repository} ${version} ${commit})
  endif()
endmacro()

macro(bgem3_fetch name least repository version commit)
  message(STATUS "${name}: no installed copy of ${least} or newer, fetching ${version}")
  FetchContent_Declare(${name} GIT_REPOSITORY ${repository} GIT_TAG ${commit} EXCLUDE_FROM_ALL)
  FetchContent_MakeAvailable(${name})
endmacro()

bgem3_dependency(fmt 9.1 https://github.com/fmtlib/fmt.git 11.0.2 0c9fce2ffefecfdce794e1859584e25877b7b592)
bgem3_dependency(nlohmann_json 3.11.2
                 https://github.com/nlohmann/json.git 3.11.3 9cca280a4d0ccf0c08f47a99aa71d1b0e52f8d03)

find_package(PkgConfig QUIET)

# sentencepiece and utf8proc come without a CMake package: pkg-config, and one clean target each.
# bgem3_pkg_dependency(<name> <least version> <git repository> <version to fetch> <its commit>
#                      MODULE <of pkg-config> TARGET <of the fetched project>)
function(bgem3_pkg_dependency name least repository version commit)
  cmake_parse_arguments(ARG "" "MODULE;TARGET" "" ${ARGN})
  if(PkgConfig_FOUND)
    pkg_check_modules(${name} QUIET IMPORTED_TARGET GLOBAL ${ARG_MODULE}>=${least})
  endif()
  if(${name}_FOUND)
    add_library(bgem3::${name} ALIAS PkgConfig::${name})
    return()
  endif()
  bgem3_fetch(${name} ${least} ${repository} ${version} ${commit})
  add_library(bgem3_${name} INTERFACE)
  target_link_libraries(bgem3_${name} INTERFACE ${ARG_TARGET})
  target_include_directories(bgem3_${name} SYSTEM INTERFACE ${${name}_SOURCE_DIR} ${${name}_SOURCE_DIR}/src)
  add_library(bgem3::${name} ALIAS bgem3_${name})
endfunction()

if(BGEM3_BUILD_SERVER OR BGEM3_BUILD_TESTS)
  bgem3_dependency(Eigen3 3.4 https://gitlab.com/libeigen/eigen.git 3.4.0 3147391d946bb4b6c68edd901f2add6ac1f31f8c)
endif()
if(BGEM3_BUILD_SERVER)
  include(server_dependencies)
endif()
if(BGEM3_BUILD_CLI OR BGEM3_BUILD_SERVER)
  bgem3_dependency(CLI11 2.1.2 https://github.com/CLIUtils/CLI11.git 2.4.2 6c7b07a878ad834957b98d0f9ce1dbe0cb204fc9)
endif()
if(BGEM3_BUILD_CLI)
  # Debian's 2.8.0 calls itself 2.6.0 to pkg-config.
  bgem3_pkg_dependency(utf8proc 2.6
                       https://github.com/JuliaStrings/utf8proc.git 2.9.0 34db3f7954e9298e89f42641ac78e0450f80a70d
                       MODULE libutf8proc TARGET utf8proc)
  include(input_dependencies)
  include(parquet)
endif()
if(BGEM3_BUILD_TESTS)
  bgem3_dependency(doctest 2.4.9 https://github.com/doctest/doctest.git 2.4.11 ae7a13539fb71f270b87eb2e874fbac80bc8dda2)
  # The reference for the reader of its files.
  bgem3_pkg_dependency(sentencepiece 0.1.97
                       https://github.com/google/sentencepiece.git 0.2.0 17d7580d6407802f85855d2cc9190634e2c95624
                       MODULE sentencepiece TARGET sentencepiece-static)
endif()
if(BGEM3_BUILD_BENCHMARKS)
  bgem3_dependency(benchmark 1.7.1
                   https://github.com/google/benchmark.git 1.9.0 12235e24652fc7f809373e7c11a5f73c5763fc4c)
endif()
