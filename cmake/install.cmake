# Installs the library, its headers and a CMake package for find_package(bgem3).
if(BGEM3_SANITIZE AND NOT BUILD_SHARED_LIBS)
  # Whoever finds it would have to link the sanitizer's runtime, and does not know.
  message(STATUS "bgem3: no install rules for a static library with sanitizers; build with BUILD_SHARED_LIBS=ON to install")
  return()
endif()

include(CMakePackageConfigHelpers)

set(bgem3_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bgem3)
# LibTorch's directory by name: CMake leaves out of link paths what lies below the source tree, as a .venv may.
set_target_properties(bgem3 PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON INSTALL_RPATH "$ORIGIN;${BGEM3_TORCH_DIR}/lib")
if(NOT BUILD_SHARED_LIBS)  # What has libbgem3 inside finds LibTorch by itself.
  set(bgem3_torch_rpath ";${BGEM3_TORCH_DIR}/lib")
endif()

install(TARGETS bgem3 bgem3_headers EXPORT bgem3Targets
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILE_SET eigen DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET bgem3_cuda)
  set_target_properties(bgem3_cuda PROPERTIES INSTALL_RPATH "${BGEM3_TORCH_DIR}/lib")
  install(TARGETS bgem3_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(BGEM3_BUILD_CLI)
  set_target_properties(bgem3_cli PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  set_target_properties(bgem3_cli_model PROPERTIES INSTALL_RPATH "$ORIGIN${bgem3_torch_rpath}")
  install(TARGETS bgem3_cli bgem3_cli_model
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  if(TARGET bgem3_cli_parquet)
    set_target_properties(bgem3_cli_parquet PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON INSTALL_RPATH "${BGEM3_PYARROW}")
    install(TARGETS bgem3_cli_parquet LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endif()

if(BGEM3_BUILD_SERVER)
  set_target_properties(bgem3_server PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}${bgem3_torch_rpath}")
  install(TARGETS bgem3_server RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# What a program with a static libbgem3 is told: bgem3Config.cmake.in says what for. A shared one knows by itself, and its
# package, which may be carried elsewhere, names no place.
set(bgem3_is_static OFF)
set(bgem3_static_torch_dir)
set(bgem3_openmp_names)
set(bgem3_openmp_libraries)
if(NOT BUILD_SHARED_LIBS)
  set(bgem3_is_static ON)
  set(bgem3_static_torch_dir ${BGEM3_TORCH_DIR})
endif()
string(REGEX MATCH "^[0-9]+\\.[0-9]+" bgem3_torch_minor "${BGEM3_TORCH_VERSION}")
if(bgem3_is_static AND OpenMP_CXX_FOUND)
  set(bgem3_openmp_names ${OpenMP_CXX_LIB_NAMES})
  list(REMOVE_ITEM bgem3_openmp_names pthread)  # Threads
  foreach(name IN LISTS bgem3_openmp_names)
    list(APPEND bgem3_openmp_libraries ${OpenMP_${name}_LIBRARY})
  endforeach()
endif()

install(EXPORT bgem3Targets NAMESPACE bgem3:: DESTINATION ${bgem3_package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/bgem3Config.cmake.in
                              ${PROJECT_BINARY_DIR}/bgem3Config.cmake INSTALL_DESTINATION ${bgem3_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bgem3ConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bgem3Config.cmake ${PROJECT_BINARY_DIR}/bgem3ConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/torch.cmake
        DESTINATION ${bgem3_package_dir})

# For C and what builds without CMake (pkg-config bgem3). The prefix is told from where the file lies, as `cmake --install`
# may be given another; an absolute folder stays what it is.
set(bgem3_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(bgem3_pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH bgem3_pc_up /${bgem3_pc_dir} /)
  set(bgem3_pc_prefix "\${pcfiledir}/${bgem3_pc_up}")
endif()
cmake_path(APPEND bgem3_pc_libdir "\${prefix}" "${CMAKE_INSTALL_LIBDIR}")
cmake_path(APPEND bgem3_pc_includedir "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")
set(bgem3_pc_libs)
if(NOT BUILD_SHARED_LIBS)  # in Libs, not in Libs.private: without --static, too, there is nothing but the archive to link
  set(bgem3_cxx_runtime ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
  list(FILTER bgem3_cxx_runtime INCLUDE REGEX "^(stdc\\+\\+|c\\+\\+|c\\+\\+abi|m)$")
  list(REMOVE_DUPLICATES bgem3_cxx_runtime)
  list(TRANSFORM bgem3_cxx_runtime PREPEND " -l" OUTPUT_VARIABLE bgem3_cxx_runtime)
  list(TRANSFORM bgem3_openmp_names PREPEND " -l" OUTPUT_VARIABLE bgem3_pc_openmp)
  string(CONCAT bgem3_pc_libs " -L${BGEM3_TORCH_DIR}/lib -Wl,-rpath,${BGEM3_TORCH_DIR}/lib -ltorch_cpu -lc10" ${bgem3_pc_openmp}
                              " -pthread -l${CMAKE_DL_LIBS}" ${bgem3_cxx_runtime})
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/bgem3.pc.in ${PROJECT_BINARY_DIR}/bgem3.pc @ONLY)
set(bgem3_pc_torchdir ${BGEM3_TORCH_DIR})
if(BGEM3_BUILD_PYTHON)  # as the library in a wheel: the torch beside it
  set(bgem3_pc_torchdir "\${pcfiledir}/${bgem3_pc_up}../torch")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/bgem3-headers.pc.in ${PROJECT_BINARY_DIR}/bgem3-headers.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/bgem3.pc ${PROJECT_BINARY_DIR}/bgem3-headers.pc DESTINATION ${bgem3_pc_dir})
