# BGEM3_SANITIZE=address,undefined or thread instruments our code; LibTorch stays as it is.
add_library(bgem3_sanitizers INTERFACE)
if(BGEM3_SANITIZE)
  target_compile_options(bgem3_sanitizers INTERFACE -fsanitize=${BGEM3_SANITIZE} -fno-sanitize-recover=undefined
                                                    -fno-omit-frame-pointer)
  target_link_options(bgem3_sanitizers INTERFACE -fsanitize=${BGEM3_SANITIZE})
  # LibTorch keeps memory until the process ends and synchronises with primitives the sanitizer cannot see.
  set(BGEM3_TEST_ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0" "UBSAN_OPTIONS=print_stacktrace=1"
                             "TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1")
endif()
if(BGEM3_BUILD_FUZZERS)
  # Coverage feedback in the code under test; the fuzz targets themselves add the driver.
  target_compile_options(bgem3_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()
