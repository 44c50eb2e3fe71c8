#pragma once

// The one place that states the version: CMake, the command line and the wheel read it from here.
#define BGEM3_VERSION_MAJOR 0
#define BGEM3_VERSION_MINOR 2
#define BGEM3_VERSION_PATCH 0
#define BGEM3_VERSION_STRING "0.2.0"
