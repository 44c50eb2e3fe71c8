"""What each form of the fused steps of dtype float16 costs in nearness to float32, emulated on the CPU in transformers' model.

    python bench/float16_forms.py models/e5-small --json bench/results/float16_forms_e5-small.json
    python bench/float16_forms.py models/full --texts 28 --lengths 64 128 256 512 --json bench/results/float16_forms_full.json

Weights, embeddings and whatever one kernel leaves for the next are float16; sums, norms, softmax and GELU are float32
inside a kernel. Attention rounds its weights to float16 before they are multiplied with values, relative to the largest,
as our kernels do, and divides by the sum afterwards. What is compared is how often a number is rounded on its way:

    GELU   erf, pass of its own   the up projection is rounded, GELU of that is rounded again
           erf, in the product    sum, bias and GELU in float32, rounded once
           tanh, in the product   likewise, in the form that cuBLASLt has: what a GPU runs
    norm   pass of its own        the sum of the two rows is rounded, then normalised
           sum within             sum and norm in float32, rounded once (src/kernels/cuda/rows.cuh): what a GPU runs

The order of sums differs from a GPU's, and cuBLASLt's tanh may be a hardware approximation, which is not emulated.
"""

import argparse
import copy
import dataclasses
import pathlib

import torch
from cuda_peers import texts_of
from emulation import (
    POOLINGS,
    Round,
    RoundedLinear,
    compare,
    embed,
    load_model,
    norms,
    replace_linear,
    round_embeddings,
    sentences,
    to_float16,
    tokenize,
    write_report,
)
from transformers import AttentionInterface

DIGITS = 8
TARGET = 0.9999
UP_PROJECTION = "intermediate.dense"


@dataclasses.dataclass(frozen=True)
class Form:
    """How the two steps are computed."""

    gelu: str  # "none", the exact form, or "tanh", as torch calls them
    gelu_in_product: bool
    sum_in_norm: bool

    @property
    def name(self) -> str:
        gelu = f"{'tanh' if self.gelu == 'tanh' else 'erf'} GELU {'in the product' if self.gelu_in_product else 'pass'}"
        return f"{gelu}, {'sum within the norm' if self.sum_in_norm else 'sum pass'}"


FORMS = [
    Form(gelu, in_product, sum_in_norm)
    for sum_in_norm in (False, True)
    for gelu, in_product in (("none", False), ("none", True), ("tanh", True))
]


def unrounded(numbers: torch.Tensor) -> torch.Tensor:
    return numbers


def round_result(_module: torch.nn.Module, _inputs: tuple, output: torch.Tensor) -> torch.Tensor:
    return to_float16(output)


def round_input(_module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> torch.Tensor:
    return to_float16(inputs[0])


def attend(_module, query, key, value, _attention_mask, scaling: float, **_options):
    """Softmax attention of one text [1, H, n, d] → [1, n, H, d], rounded where the kernels round."""
    scores = query @ key.transpose(2, 3) * scaling
    weights = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
    output = to_float16(weights) @ value / weights.sum(dim=-1, keepdim=True)
    return to_float16(output).transpose(1, 2), None


def expect_gelu(model: torch.nn.Module) -> None:
    if model.config.hidden_act != "gelu":
        raise SystemExit(f"error: expected a model with the erf form of GELU, found '{model.config.hidden_act}'")


def emulate(model: torch.nn.Module, form: Form) -> torch.nn.Module:
    """A copy that rounds where float16 in this form does."""
    model = copy.deepcopy(model)
    round_embeddings(model, to_float16)
    for norm in norms(model):
        norm.register_forward_hook(round_result)
        if not form.sum_in_norm:
            norm.register_forward_pre_hook(round_input)

    def outputs_of(name: str) -> Round:
        return unrounded if form.gelu_in_product and name.endswith(UP_PROJECTION) else to_float16

    # Inputs are rounded already, by whatever computed them.
    replace_linear(model, lambda name, layer: RoundedLinear(layer, to_float16, to_float16, unrounded, outputs_of(name)))
    for layer in model.encoder.layer:
        layer.intermediate.intermediate_act_fn = torch.nn.GELU(approximate=form.gelu)
        layer.intermediate.register_forward_hook(round_result)
    AttentionInterface.register("rounded", attend)
    model.set_attn_implementation("rounded")
    return model


@torch.inference_mode()
def measure(directory: pathlib.Path, texts: list[str]) -> tuple[int, dict[str, dict]]:
    """Tokens of the longest text; pooling → form → how near it comes to float32."""
    tokens = tokenize(directory, texts)
    model = load_model(directory)
    expect_gelu(model)
    exact = embed(model, tokens)
    results: dict[str, dict] = {pooling: {} for pooling in POOLINGS}
    for form in FORMS:
        found = embed(emulate(model, form), tokens)
        for pooling in POOLINGS:
            results[pooling][form.name] = compare(exact[pooling], found[pooling], DIGITS)
            print(f"{pooling}, {form.name}: {results[pooling][form.name]}", flush=True)
    return max(each["input_ids"].shape[1] for each in tokens), results


def lowest_of(results: dict[str, dict]) -> float:
    return min(form["lowest_cosine"] for forms in results.values() for form in forms.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="model directory")
    parser.add_argument("--texts", type=int, help="so many of the 108 sentences [all]")
    parser.add_argument(
        "--lengths", type=int, nargs="+", default=[], metavar="TOKENS", help="and texts as long as these"
    )
    parser.add_argument("--threads", type=int, help="of torch [its default]")
    parser.add_argument("--json", type=pathlib.Path, help="where the results go")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    texts = sentences(arguments.texts) + texts_of(arguments.lengths)
    longest, results = measure(arguments.model, texts)
    print(f"lowest of all: {lowest_of(results)}, wanted: {TARGET}")
    if arguments.json:
        what = "float16 emulated on a CPU, by where numbers are rounded, compared with float32"
        write_report(arguments.json, what, arguments.model, len(texts), longest_text_tokens=longest, results=results)


if __name__ == "__main__":
    main()
