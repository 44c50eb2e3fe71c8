"""transformers with SDPA attention, texts sorted by length and padded."""

import numpy as np
import torch
from serving import Encode, Settings, Tokens, padded, pool, serve
from transformers import AutoModel


def load(settings: Settings) -> Encode:
    dtype = getattr(torch, settings.precision)
    model = AutoModel.from_pretrained(settings.model, dtype=dtype, attn_implementation="sdpa").eval()

    @torch.inference_mode()
    def pooled_states(tokens: Tokens) -> np.ndarray:
        tensors = {name: torch.from_numpy(values) for name, values in tokens.items()}
        states = model(**tensors).last_hidden_state
        return pool(states, tensors["attention_mask"], settings).float().numpy()

    return padded(settings, pooled_states)


serve(load)
