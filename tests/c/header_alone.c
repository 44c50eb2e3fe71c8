/* The header needs no other before it; that C++ takes it alone, build.each_header_alone shows. */
#include <bgem3/c.h>

const bgem3_status header_alone = BGEM3_OK;
