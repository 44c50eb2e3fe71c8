#pragma once

// BGEM3_API marks what leaves the library; everything else is built with hidden visibility, so that the
// libraries inside never meet other copies of themselves in the same process.
#if defined(_WIN32)
#if defined(BGEM3_BUILDING)
#define BGEM3_API __declspec(dllexport)
#else
#define BGEM3_API __declspec(dllimport)
#endif
#else
#define BGEM3_API __attribute__((visibility("default")))
#endif
