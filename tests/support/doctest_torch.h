#pragma once

// doctest for tests that include ATen: LibTorch's logging defines CHECK and its kin too. Include it first.
#include <c10/util/Logging.h>

#undef CHECK
#undef CHECK_EQ
#undef CHECK_NE
#undef CHECK_GT
#undef CHECK_GE
#undef CHECK_LT
#undef CHECK_LE

#include <doctest/doctest.h>
