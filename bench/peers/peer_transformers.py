"""transformers with SDPA attention, texts sorted by length and padded."""

import numpy as np
import torch
from serving import Encode, Settings, padded, serve
from transformers import AutoModel


def load(settings: Settings) -> Encode:
    dtype = getattr(torch, settings.precision)
    model = AutoModel.from_pretrained(settings.model, dtype=dtype, attn_implementation="sdpa").eval()

    @torch.inference_mode()
    def first_states(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        output = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))
        return output.last_hidden_state[:, 0].float().numpy()

    return padded(settings.model, first_states)


serve(load)
