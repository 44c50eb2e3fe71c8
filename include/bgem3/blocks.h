#pragma once

// The building blocks over LibTorch, for people who build a pipeline of their own; link bgem3::headers. Programs that
// only embed text include bgem3/bgem3.h instead and never see torch.
#include "bgem3/attention.h"
#include "bgem3/batching.h"
#include "bgem3/checkpoint.h"
#include "bgem3/config.h"
#include "bgem3/encoder.h"
#include "bgem3/encoder_layer.h"
#include "bgem3/feed_forward.h"
#include "bgem3/heads.h"
#include "bgem3/input_embedding.h"
#include "bgem3/linear.h"
#include "bgem3/packed_batch.h"
#include "bgem3/pooling.h"
#include "bgem3/tokenizer.h"
#include "bgem3/weights.h"
