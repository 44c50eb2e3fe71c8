# What the command decompresses its input with. Without them it refuses such input by name, so they are not fetched.
if(BGEM3_COMPRESSED_INPUT)  # ON, or AUTO
  include(compression)
  set(BGEM3_HAS_ZLIB ${ZLIB_FOUND})
  set(BGEM3_HAS_ZSTD ${zstd_FOUND})
endif()
if(NOT (BGEM3_HAS_ZLIB AND BGEM3_HAS_ZSTD))
  if(BGEM3_COMPRESSED_INPUT STREQUAL ON)
    message(FATAL_ERROR "BGEM3_COMPRESSED_INPUT=ON needs zlib 1.2.13 and, by pkg-config, libzstd 1.5.4, or newer; found zlib "
                        "'${ZLIB_VERSION}', libzstd '${zstd_VERSION}'. On Debian: zlib1g-dev libzstd-dev pkg-config")
  endif()
  message(STATUS "bgem3: built without what it reads compressed input with (zlib: '${ZLIB_VERSION}', libzstd: "
                 "'${zstd_VERSION}'); that is zlib1g-dev and libzstd-dev on Debian")
endif()
