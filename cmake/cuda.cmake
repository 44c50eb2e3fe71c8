# libbgem3_cuda.so: what bgem3 needs on NVIDIA GPUs beyond LibTorch's own kernels. A library by itself, which libbgem3
# loads when somebody first asks for a CUDA device: LibTorch's CUDA half costs every other process a second of start-up.
#
# BGEM3_CUDA=AUTO builds it where there is a CUDA compiler and a LibTorch with CUDA; ON insists; OFF does not look.
if(NOT BGEM3_CUDA)
  return()
endif()

# bgem3_without_cuda(<what is missing>): the end of it for AUTO, an error for ON.
function(bgem3_without_cuda reason)
  if(BGEM3_CUDA STREQUAL "AUTO")
    message(STATUS "bgem3: no CUDA part, ${reason}")
  else()
    message(FATAL_ERROR "BGEM3_CUDA=${BGEM3_CUDA} asks for the CUDA part, but ${reason}")
  endif()
endfunction()

if(BGEM3_SANITIZE)
  bgem3_without_cuda("sanitizers do not know the code of GPUs")
  return()
endif()
if(NOT BUILD_SHARED_LIBS)
  bgem3_without_cuda("a shared libbgem3 loads it, and BUILD_SHARED_LIBS is off; build with BUILD_SHARED_LIBS=ON for GPUs")
  return()
endif()
if(NOT EXISTS "${BGEM3_TORCH_DIR}/lib/libtorch_cuda.so")
  bgem3_without_cuda("LibTorch in '${BGEM3_TORCH_DIR}' is built for the CPU alone")
  return()
endif()

# Where `pip install nvidia-cuda-nvcc` puts the compiler, beside torch, it is not on the PATH.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  file(GLOB bgem3_pip_cuda ${BGEM3_TORCH_DIR}/../nvidia/cu*/bin)
  find_program(CMAKE_CUDA_COMPILER nvcc HINTS ${bgem3_pip_cuda} DOC "CUDA compiler")
endif()
# Its programs are linked with what lies in lib64; PyPI's packages have lib.
if(CMAKE_CUDA_COMPILER)
  cmake_path(GET CMAKE_CUDA_COMPILER PARENT_PATH bgem3_nvcc_dir)
  set(bgem3_library_path "${bgem3_nvcc_dir}/../lib" $ENV{LIBRARY_PATH})
  cmake_path(CONVERT "${bgem3_library_path}" TO_NATIVE_PATH_LIST bgem3_library_path)
  set(ENV{LIBRARY_PATH} "${bgem3_library_path}")
endif()
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  bgem3_without_cuda("no CUDA compiler was found; put nvcc on the PATH or set CUDACXX")
  return()
endif()
# Turing, Ampere, Ada, Hopper, Blackwell, those of them that the compiler knows; code for the last is compiled by the driver
# on what comes after.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  execute_process(COMMAND ${CMAKE_CUDA_COMPILER} --list-gpu-code OUTPUT_VARIABLE bgem3_known_gpus ERROR_QUIET)
  foreach(bgem3_gpu IN ITEMS 75 80 86 89 90 100 110 120)
    if(bgem3_known_gpus MATCHES "sm_${bgem3_gpu}[^0-9]")
      list(APPEND CMAKE_CUDA_ARCHITECTURES ${bgem3_gpu}-real)
    endif()
  endforeach()
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    bgem3_without_cuda("${CMAKE_CUDA_COMPILER} --list-gpu-code names no GPU of compute capability 7.5 to 12.0; set \
CMAKE_CUDA_ARCHITECTURES")
    return()
  endif()
  list(TRANSFORM CMAKE_CUDA_ARCHITECTURES REPLACE "-real" "" AT -1)
endif()
if(BGEM3_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${BGEM3_CCACHE})
endif()
enable_language(CUDA)

add_library(bgem3_cuda MODULE
  src/kernels/cuda/attention.cpp
  src/kernels/cuda/graph.cpp
  src/kernels/cuda/layer_norm.cu
  src/kernels/cuda/operators.cpp
  src/kernels/cuda/plugin.cpp
  src/kernels/cuda/product.cpp
  src/kernels/cuda/quantize_rows.cu
  src/kernels/cuda/short_attention.cu
  src/kernels/cuda/truncate_normalize.cu)
# Hopper's products of a warpgroup are in no other GPU, not even in a later one: code for 9.0a alone.
add_library(bgem3_cuda_hopper OBJECT src/kernels/cuda/long_attention.cu)
target_sources(bgem3_cuda PRIVATE $<TARGET_OBJECTS:bgem3_cuda_hopper>)
foreach(target IN ITEMS bgem3_cuda bgem3_cuda_hopper)
  bgem3_library_settings(${target})
  target_compile_features(${target} PRIVATE cuda_std_20)
  target_include_directories(${target} SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
  target_link_libraries(${target} PRIVATE bgem3::torch)
  set_target_properties(${target} PROPERTIES CUDA_VISIBILITY_PRESET hidden)
endforeach()
set_target_properties(bgem3_cuda_hopper PROPERTIES CUDA_ARCHITECTURES 90a-real)
# Not the CUDA runtime: LibTorch's CUDA half brings the one that it uses, and there should be no second.
set_target_properties(bgem3_cuda PROPERTIES CUDA_RUNTIME_LIBRARY None LINKER_LANGUAGE CXX)
target_link_options(bgem3_cuda PRIVATE LINKER:--no-as-needed)
foreach(library IN ITEMS torch_cuda c10_cuda)
  target_link_libraries(bgem3_cuda PRIVATE "${BGEM3_TORCH_DIR}/lib/lib${library}.so")
endforeach()
# libbgem3 finds it by its own RUNPATH, beside itself.
set_target_properties(bgem3 PROPERTIES BUILD_RPATH ${PROJECT_BINARY_DIR})
list(APPEND CMAKE_BUILD_RPATH ${PROJECT_BINARY_DIR})  # and programs that have the objects of libbgem3 inside
add_dependencies(bgem3 bgem3_cuda)
