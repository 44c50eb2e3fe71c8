# What makes defects in memory harder to use, in all that is compiled here; nothing of it reaches a parent project or a
# consumer. BGEM3_HARDENING=OFF leaves all of it to the compiler's defaults. Sanitizers look at the same places, so they
# turn it off. README names the compilers that bgem3 is for; all of them know _FORTIFY_SOURCE=3.
option(BGEM3_HARDENING "Compile and link with the protections of cmake/hardening.cmake" ON)
add_library(bgem3_hardening INTERFACE)
if(NOT BGEM3_HARDENING OR BGEM3_SANITIZE OR BGEM3_BUILD_FUZZERS)
  return()
endif()

include(CheckCXXCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)  # else POSITION_INDEPENDENT_CODE compiles a program so, and does not link it so

set(bgem3_protections -fstack-protector-strong -fstack-clash-protection)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND bgem3_protections -fcf-protection=full)
endif()
foreach(flag IN LISTS bgem3_protections)
  string(MAKE_C_IDENTIFIER "BGEM3_KNOWS${flag}" known)
  check_cxx_compiler_flag(${flag} ${known})
  if(${known})
    # nvcc hands it to the compiler of the host's half.
    target_compile_options(bgem3_hardening INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${flag}>
                                                     $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${flag}>)
  endif()
endforeach()

# Only what is optimised can be fortified. Undefined first: distributions define another level, and that would warn.
set(bgem3_fortify -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
list(JOIN bgem3_fortify "," bgem3_fortify_for_nvcc)
target_compile_options(bgem3_hardening INTERFACE
  $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:$<$<COMPILE_LANGUAGE:CXX>:${bgem3_fortify}>>
  $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${bgem3_fortify_for_nvcc}>>)

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  target_link_options(bgem3_hardening INTERFACE LINKER:-z,relro,-z,now,-z,noexecstack)
endif()
