#include "kernels/cpu/linear_kernel.h"

namespace bgem3::cpu {

const LinearKernel linear_float32_avx2 = linear_kernel;

}  // namespace bgem3::cpu
