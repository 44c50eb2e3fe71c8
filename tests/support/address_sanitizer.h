#pragma once

// Whether AddressSanitizer watches, and what it is told of memory that nobody may touch; nothing without it.
#if defined(__SANITIZE_ADDRESS__)
#define BGEM3_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BGEM3_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef BGEM3_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, size) ((void)(begin), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(begin, size) ((void)(begin), (void)(size))
#endif
