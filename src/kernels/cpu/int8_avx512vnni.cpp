#include "kernels/cpu/int8_kernel.h"

namespace bgem3::cpu {

const Int8Kernel int8_from_float32 = kernel_for<Float32Elements>;

}  // namespace bgem3::cpu
