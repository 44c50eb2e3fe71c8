# Settings shared by our own targets; nothing here reaches a parent project or a consumer.
add_library(bgem3_warnings INTERFACE)
target_compile_options(bgem3_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wnon-virtual-dtor;-Woverloaded-virtual>
  # g++ 12 sees overlapping copies in string concatenations that have none (gcc bug 105651).
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${BGEM3_WARNINGS_AS_ERRORS}>>:-Werror>
  # What nvcc writes for the host compiler is not pedantic.
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow>
  $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${BGEM3_WARNINGS_AS_ERRORS}>>:--Werror=all-warnings>)

# bgem3_library_settings(<target>): how the pieces of libbgem3 are compiled.
function(bgem3_library_settings target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_definitions(${target} PRIVATE BGEM3_BUILDING)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PRIVATE bgem3_warnings
                                          bgem3_sanitizers
                                          bgem3_hardening)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF
                                             CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()
