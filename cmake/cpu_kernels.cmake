# Kernels for the CPU: a source file *_<set>.cpp for each instruction set, chosen when the program runs.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(bgem3_avx512_flags -mavx512f -mavx512bw -mavx512dq -mavx512vl)
  set(bgem3_avx2_flags -mavx2 -mfma)
  set(bgem3_avx512bf16_flags ${bgem3_avx512_flags} -mavx512bf16)
  set(bgem3_avx512vnni_flags ${bgem3_avx512_flags} -mavx512vnni)
  foreach(set IN ITEMS avx2 avx512 avx512bf16 avx512vnni)
    file(GLOB kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/kernels/cpu/*_${set}.cpp)
    target_sources(bgem3_model PRIVATE ${kernels})
    # g++ 12 warns of values that its own headers leave undefined on purpose.
    set_source_files_properties(${kernels} PROPERTIES COMPILE_OPTIONS
      "${bgem3_${set}_flags};-O3;-ffp-contract=fast;$<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized;-Wno-maybe-uninitialized>")
  endforeach()
endif()

# LibTorch's threads are OpenMP's. Without it our kernels run on one thread. ThreadSanitizer does not know its barriers.
if(NOT BGEM3_SANITIZE MATCHES thread)
  find_package(OpenMP COMPONENTS CXX QUIET)
endif()
if(OpenMP_CXX_FOUND)
  target_link_libraries(bgem3_model PRIVATE OpenMP::OpenMP_CXX)
  # A program with an installed static library needs the runtime of this compiler, not of its own: bgem3Config.cmake.
  target_link_libraries(bgem3 PRIVATE $<BUILD_INTERFACE:OpenMP::OpenMP_CXX> $<INSTALL_INTERFACE:bgem3::openmp>)
else()
  message(STATUS "bgem3: no OpenMP for ${CMAKE_CXX_COMPILER_ID}; its own kernels use one thread")
endif()
