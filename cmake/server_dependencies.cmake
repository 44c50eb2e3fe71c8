# What bgem3-server is made with. Too large to be fetched on the quiet: installed copies, or no server.
set(bgem3_server_packages "libboost-dev libssl-dev libspdlog-dev prometheus-cpp-dev")
find_package(Boost 1.74 CONFIG QUIET)
find_package(OpenSSL 3 QUIET)
find_package(spdlog QUIET)
find_package(prometheus-cpp QUIET)

if(NOT (Boost_FOUND AND OpenSSL_FOUND AND spdlog_FOUND AND prometheus-cpp_FOUND AND TARGET fmt::fmt))
  if(NOT BGEM3_BUILD_SERVER STREQUAL AUTO)
    message(FATAL_ERROR "bgem3-server needs Boost (headers), OpenSSL, spdlog, prometheus-cpp and fmt; on Debian: "
                        "${bgem3_server_packages}")
  endif()
  message(STATUS "bgem3-server: not built; it needs what Debian calls ${bgem3_server_packages}")
  set(BGEM3_BUILD_SERVER OFF)
endif()
