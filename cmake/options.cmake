# Everything is named BGEM3_*: a parent project shares one cache with us. Tests, benchmarks and the command are on only
# when bgem3 is the project being built.
option(BUILD_SHARED_LIBS "Build libbgem3 as a shared library" ON)
option(BGEM3_BUILD_CLI "Build the bgem3 command" ${PROJECT_IS_TOP_LEVEL})
if(PROJECT_IS_TOP_LEVEL)
  set(bgem3_server_default AUTO)
else()
  set(bgem3_server_default OFF)
endif()
set(BGEM3_BUILD_SERVER ${bgem3_server_default} CACHE STRING
    "Build bgem3-server: OFF, ON (its libraries are required), or AUTO, where they are found")
set_property(CACHE BGEM3_BUILD_SERVER PROPERTY STRINGS AUTO ON OFF)
set(BGEM3_COMPRESSED_INPUT AUTO CACHE STRING
    "Let the command read gzip and zstd: OFF, ON (zlib and libzstd are required), or AUTO, each where it is found")
set_property(CACHE BGEM3_COMPRESSED_INPUT PROPERTY STRINGS AUTO ON OFF)
set(BGEM3_PARQUET AUTO CACHE STRING
    "Let the command read Parquet: OFF, ON (Apache Arrow is required), or AUTO, where it is found")
set_property(CACHE BGEM3_PARQUET PROPERTY STRINGS AUTO ON OFF)
set(BGEM3_PYARROW "" CACHE PATH "Folder of Python's pyarrow, to read Parquet by the Apache Arrow in it")
option(BGEM3_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(BGEM3_BUILD_BENCHMARKS "Build the benchmarks" OFF)
option(BGEM3_BUILD_FUZZERS "Build the libFuzzer targets (needs clang)" OFF)
option(BGEM3_BUILD_PYTHON "Build the extension module of the Python package (pip does)" OFF)
option(BGEM3_INSTALL "Generate install rules" ${PROJECT_IS_TOP_LEVEL})
option(BGEM3_WARNINGS_AS_ERRORS "Treat warnings as errors" OFF)
set(BGEM3_CUDA AUTO CACHE STRING "Build the CUDA part: ON, OFF, or AUTO, where a CUDA compiler is found")
set_property(CACHE BGEM3_CUDA PROPERTY STRINGS AUTO ON OFF)
# Where scripts/models/make.py puts them.
set(BGEM3_TEST_MODELS ${PROJECT_SOURCE_DIR}/models CACHE PATH "Models made for tests and benchmarks")
set(BGEM3_SANITIZE "" CACHE STRING "Sanitizers for our own code, e.g. address,undefined or thread")

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

find_program(BGEM3_CCACHE ccache)
if(PROJECT_IS_TOP_LEVEL AND BGEM3_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${BGEM3_CCACHE})
endif()
