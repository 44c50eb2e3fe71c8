#include "kernels/cpu/attention_kernel.h"

namespace bgem3::cpu {

const AttentionKernel attention_float32_avx512 = kernel_for<Float32Products>;

}  // namespace bgem3::cpu
