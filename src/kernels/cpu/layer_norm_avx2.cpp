#include "kernels/cpu/layer_norm_kernel.h"

namespace bgem3::cpu {

const LayerNormKernel layer_norm_float32_avx2 = layer_norm_rows<Float32Elements>;
const LayerNormKernel layer_norm_bfloat16_avx2 = layer_norm_rows<BFloat16Elements>;

}  // namespace bgem3::cpu
