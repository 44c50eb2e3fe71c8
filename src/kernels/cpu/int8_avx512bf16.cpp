#include "kernels/cpu/int8_kernel.h"

namespace bgem3::cpu {

const Int8Kernel int8_from_bfloat16 = kernel_for<BFloat16Elements>;

}  // namespace bgem3::cpu
