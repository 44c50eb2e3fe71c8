# What the command reads Parquet with: Apache Arrow, whose C++ libraries come by CMake packages of its own, or within
# Python's pyarrow. Without them such input is refused by name, so they are not fetched.
set(BGEM3_ARROW_VERSION 0)

if(BGEM3_PYARROW)
  file(GLOB bgem3_arrow_libraries ${BGEM3_PYARROW}/libarrow.so.* ${BGEM3_PYARROW}/libparquet.so.*)
  set(header ${BGEM3_PYARROW}/include/arrow/util/config.h)
  if(EXISTS ${header})
    file(STRINGS ${header} line REGEX "define ARROW_VERSION_STRING ")
    string(REGEX MATCH "[0-9.]+" BGEM3_ARROW_VERSION "${line}")
  endif()
  list(LENGTH bgem3_arrow_libraries count)
  if(NOT count EQUAL 2 OR NOT BGEM3_ARROW_VERSION)
    message(FATAL_ERROR "BGEM3_PYARROW should be the folder of Python's pyarrow, with include/, libarrow.so.* and "
                        "libparquet.so.*; found '${BGEM3_PYARROW}'. python -c 'import pyarrow; print(*pyarrow.__path__)' "
                        "prints it")
  endif()
elseif(BGEM3_PARQUET)  # ON, or AUTO
  find_package(Arrow CONFIG QUIET)
  find_package(Parquet CONFIG QUIET)
  if(TARGET Arrow::arrow_shared AND TARGET Parquet::parquet_shared)
    set(bgem3_arrow_libraries Parquet::parquet_shared Arrow::arrow_shared)
    set(BGEM3_ARROW_VERSION ${Arrow_VERSION})
  endif()
endif()

if(BGEM3_ARROW_VERSION VERSION_LESS 26)
  if(BGEM3_PYARROW OR BGEM3_PARQUET STREQUAL ON)
    message(FATAL_ERROR "Parquet needs Apache Arrow 26 or newer for C++, found '${BGEM3_ARROW_VERSION}'. Set CMAKE_PREFIX_PATH "
                        "to it, or BGEM3_PYARROW to the folder of Python's pyarrow")
  endif()
  return()
endif()
add_library(bgem3::parquet INTERFACE IMPORTED)
target_link_libraries(bgem3::parquet INTERFACE ${bgem3_arrow_libraries})
if(BGEM3_PYARROW)
  target_include_directories(bgem3::parquet SYSTEM INTERFACE ${BGEM3_PYARROW}/include)
endif()
message(STATUS "bgem3: the command reads Parquet by Arrow ${BGEM3_ARROW_VERSION}")
