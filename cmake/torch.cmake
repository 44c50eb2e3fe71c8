# Defines bgem3::torch: the LibTorch of an installed `torch` package, or one on CMAKE_PREFIX_PATH.
#
# Not find_package(Torch): a CUDA build of torch then wants the CUDA toolkit, which whoever only runs it does not have,
# and it adds torch's compiler flags to every target. Headers and shared libraries are all that is needed here.
include_guard(GLOBAL)

if(TARGET bgem3::torch)
  return()
endif()

if(NOT BGEM3_TORCH_DIR)
  find_path(BGEM3_TORCH_INCLUDE_DIR ATen/ATen.h PATH_SUFFIXES include)
  if(BGEM3_TORCH_INCLUDE_DIR)
    cmake_path(GET BGEM3_TORCH_INCLUDE_DIR PARENT_PATH bgem3_torch_found)
  else()
    find_package(Python3 COMPONENTS Interpreter QUIET)
    if(Python3_FOUND)
      # -I: pip's isolated builds hide the installed packages by PYTHONPATH, and the installed torch is what counts.
      execute_process(
        COMMAND ${Python3_EXECUTABLE} -I -c
                "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
        OUTPUT_VARIABLE bgem3_torch_found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
  endif()
  set(BGEM3_TORCH_DIR "${bgem3_torch_found}" CACHE PATH "Directory with LibTorch's include/ and lib/")
endif()

if(NOT EXISTS "${BGEM3_TORCH_DIR}/include/ATen/ATen.h")
  message(FATAL_ERROR
    "bgem3 needs LibTorch 2.9 or newer and found none. Either `pip install torch` into the Python that CMake finds, or "
    "put a LibTorch directory on CMAKE_PREFIX_PATH, or set BGEM3_TORCH_DIR to the directory with its include/ and lib/. "
    "Looked in: '${BGEM3_TORCH_DIR}'.")
endif()

file(STRINGS "${BGEM3_TORCH_DIR}/include/torch/headeronly/version.h" bgem3_torch_version_lines
     REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
string(REGEX REPLACE "[^0-9;]" "" bgem3_torch_version "${bgem3_torch_version_lines}")
string(REPLACE ";" "." BGEM3_TORCH_VERSION "${bgem3_torch_version}")
if(BGEM3_TORCH_VERSION VERSION_LESS 2.9)
  message(FATAL_ERROR "bgem3 needs LibTorch 2.9 or newer; '${BGEM3_TORCH_DIR}' has '${BGEM3_TORCH_VERSION}'.")
endif()
message(STATUS "LibTorch ${BGEM3_TORCH_VERSION}: ${BGEM3_TORCH_DIR}")

add_library(bgem3::torch INTERFACE IMPORTED GLOBAL)
target_include_directories(bgem3::torch SYSTEM INTERFACE
  "${BGEM3_TORCH_DIR}/include" "${BGEM3_TORCH_DIR}/include/torch/csrc/api/include")
# Only what the CPU needs: libtorch.so would pull in the CUDA libraries and a second of start-up.
foreach(library IN ITEMS torch_cpu c10)
  target_link_libraries(bgem3::torch INTERFACE "${BGEM3_TORCH_DIR}/lib/lib${library}.so")
endforeach()
