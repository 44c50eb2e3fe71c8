#pragma once

// The building blocks over LibTorch, for people who build a pipeline of their own; link bgem3::headers. Programs that
// only embed text include bgem3/bgem3.h instead and never see torch.
#include "bgem3/batch_plan.h"
#include "bgem3/config.h"
#include "bgem3/families/bert.h"
#include "bgem3/families/classification_head.h"
#include "bgem3/families/distilbert.h"
#include "bgem3/families/mpnet.h"
#include "bgem3/formats/formats.h"
#include "bgem3/layers/attention.h"
#include "bgem3/layers/feed_forward.h"
#include "bgem3/layers/heads.h"
#include "bgem3/layers/input_embedding.h"
#include "bgem3/layers/layer_norm.h"
#include "bgem3/layers/linear.h"
#include "bgem3/layers/pooling.h"
#include "bgem3/tensors/checkpoint.h"
#include "bgem3/tensors/packed_batch.h"
#include "bgem3/tokenizer.h"
