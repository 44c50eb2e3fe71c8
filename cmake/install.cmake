# Installs the library, its headers and a CMake package for find_package(bgem3).
if(NOT BUILD_SHARED_LIBS)
  # A static libbgem3 would hand torch on to whoever finds it; use add_subdirectory then.
  message(STATUS "bgem3: no install rules for a static library")
  return()
endif()

include(CMakePackageConfigHelpers)

set(bgem3_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bgem3)
# LibTorch's directory by name: CMake leaves out of link paths what lies below the source tree, as a .venv may.
set_target_properties(bgem3 PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON INSTALL_RPATH "$ORIGIN;${BGEM3_TORCH_DIR}/lib")

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
  set_target_properties(bgem3_cli_model PROPERTIES INSTALL_RPATH "$ORIGIN")
  install(TARGETS bgem3_cli bgem3_cli_model
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

if(BGEM3_BUILD_SERVER)
  set_target_properties(bgem3_server PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS bgem3_server RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
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
configure_file(${PROJECT_SOURCE_DIR}/cmake/bgem3.pc.in ${PROJECT_BINARY_DIR}/bgem3.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/bgem3.pc DESTINATION ${bgem3_pc_dir})
