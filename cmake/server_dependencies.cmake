# What bgem3-server is made with. Too large to be fetched on the quiet: installed copies, or no server.
set(bgem3_server_packages "libboost-dev libssl-dev libspdlog-dev libzstd-dev pkg-config prometheus-cpp-dev zlib1g-dev")
find_package(Boost 1.74 CONFIG QUIET)
find_package(OpenSSL 3.0 QUIET)
find_package(spdlog 1.10 QUIET)
find_package(prometheus-cpp QUIET)  # Debian's does not tell its version, so none can be asked for
if(prometheus-cpp_VERSION AND prometheus-cpp_VERSION VERSION_LESS 1.0)
  set(prometheus-cpp_FOUND FALSE)
endif()
include(compression)

if(NOT (Boost_FOUND AND OpenSSL_FOUND AND spdlog_FOUND AND prometheus-cpp_FOUND AND ZLIB_FOUND AND zstd_FOUND
        AND TARGET fmt::fmt))
  if(NOT BGEM3_BUILD_SERVER STREQUAL AUTO)
    message(FATAL_ERROR "bgem3-server needs Boost (headers) 1.74, OpenSSL 3.0, spdlog 1.10, prometheus-cpp 1.0, zlib 1.2.13, "
                        "libzstd 1.5.4 (by pkg-config) and fmt 9.1, or newer; found Boost '${Boost_VERSION}', OpenSSL "
                        "'${OPENSSL_VERSION}', spdlog '${spdlog_VERSION}', prometheus-cpp '${prometheus-cpp_VERSION}', zlib "
                        "'${ZLIB_VERSION}', libzstd '${zstd_VERSION}', fmt '${fmt_VERSION}'. On Debian: "
                        "${bgem3_server_packages}")
  endif()
  message(STATUS "bgem3-server: not built; it needs what Debian calls ${bgem3_server_packages}")
  set(BGEM3_BUILD_SERVER OFF)
endif()
