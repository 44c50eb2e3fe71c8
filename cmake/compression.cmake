# What the server packs answers and unpacks bodies with, and the command its input.
include_guard()
find_package(ZLIB 1.2.13 QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(zstd QUIET IMPORTED_TARGET GLOBAL libzstd>=1.5.4)
endif()
