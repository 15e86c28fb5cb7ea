"""PyTorch's side of bench/gpu: training steps of one model, in mixed precision as its documentation shows it.

    python3 gpu_torch.py about                       one JSON line: versions, the device and its memory
    python3 gpu_torch.py step FOLDER [options]       answers lines of stdin as `Evo.Bench step` does, the first of which is `begin`
    python3 gpu_torch.py compile FOLDER [options]    one pass under torch.compile, which leaves what it made in its caches

--kind eager and compile run the models of pytorch_models.py, transformers that of its library. Weights are kept in float32 and computed
with in --dtype by autocast; the optimizer is torch.optim.AdamW, fused on a GPU. A device that has no room is an answer, too.
"""

import argparse
import contextlib
import json
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
from pytorch_models import MODELS  # noqa: E402
from pytorch_train import tokens_of  # noqa: E402

WORD = 0xFFFFFFFF


def drawn(name, shape, device):
    """A matrix of [shape], the same numbers as GpuWeights.cs of Evo.Bench draws, rounded to bfloat16."""
    seed, flat = 0x811C9DC5, torch.empty(shape, device=device).view(-1)
    for letter in name.encode():  # FNV-1a
        seed = (seed ^ letter) * 0x01000193 & WORD
    for start in range(0, flat.numel(), 1 << 24):
        end = min(flat.numel(), start + (1 << 24))
        word = torch.arange(start, end, dtype=torch.int64, device=device) ^ seed
        word = ((word ^ (word >> 16)) * 0x21F0AAAD) & WORD
        word = ((word ^ (word >> 15)) * 0x735A2D97) & WORD
        word = word ^ (word >> 15)
        flat[start:end] = ((word.double() / (WORD + 1) - 0.5) * (0.02 * 12**0.5)).float().bfloat16()
    return flat.view(shape)


def fill(model, transposed, device):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.fill_(0 if name.endswith("bias") else 1)
            elif name.endswith(transposed):
                parameter.copy_(drawn(name, parameter.shape[::-1], device).t())
            else:
                parameter.copy_(drawn(name, parameter.shape, device))


def made_on(device):
    """Models are made where they are to be: one of 7 billion weights would take a processor half a minute. PyTorch 1.13 cannot."""
    return torch.device(device) if hasattr(torch.device, "__enter__") else contextlib.nullcontext()


def build(options, config):
    """The model and a function from ids and labels to the loss."""
    if options.kind == "transformers":
        import transformers

        settings = transformers.AutoConfig.for_model(**config)
        with made_on(options.device):
            model = transformers.AutoModelForCausalLM.from_config(settings, attn_implementation="sdpa")
        model.train()
        if options.recompute:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        model.to(options.device)
        fill(model, (), options.device)

        def loss(ids, labels):
            logits = model(ids, use_cache=False).logits
            return F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.view(-1))

        return model, loss, transformers.__version__
    kind = MODELS[config["model_type"]]
    with made_on(options.device):
        model = kind(config, hasattr(F, "scaled_dot_product_attention"), options.recompute > 0)
    model.to(options.device)
    fill(model, kind.TRANSPOSED, options.device)
    return model, compiled(model, options.by_layer) if options.kind == "compile" else model, torch.__version__


def compiled(model, by_layer):
    """The whole model; or, by layer, its layers, of which one is compiled for all ("regional compilation" in PyTorch's documentation), and
    its head with the loss."""
    if not by_layer:
        return torch.compile(model)
    for layer in model.blocks():
        layer.compile()
    model.end = torch.compile(model.end)
    return model


def loss_and_gradients(loss_of, ids, labels, options):
    # Kept casts of weights would be a copy of the model, and each is asked for once.
    with torch.autocast(options.device, dtype=torch.bfloat16, enabled=options.dtype == "bfloat16", cache_enabled=False):
        loss = loss_of(ids.to(options.device), labels.to(options.device))
    loss.backward()
    return loss.detach()


def compile_ahead(options, config):
    """The pass that a step begins with, for what it leaves in the caches of torch.compile."""
    started = time.perf_counter()
    _, loss_of, _ = build(options, config)
    ids, labels = tokens_of(0, options.batch, options.sequence, config["vocab_size"])
    loss_and_gradients(loss_of, ids, labels, options).item()
    say({"seconds": time.perf_counter() - started})


def stand_by(options):
    """Reads what the libraries take seconds to read, and waits until it is asked to begin."""
    if options.kind == "compile":
        import torch._dynamo
        import torch._inductor.compile_fx  # noqa: F401
    elif options.kind == "transformers":
        from transformers import AutoConfig, AutoModelForCausalLM  # noqa: F401
    return sys.stdin.readline() != ""


def serve(options, config):
    on_gpu = options.device == "cuda"
    model, loss_of, version = build(options, config)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=3e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, **({"fused": True} if on_gpu else {})
    )
    step, settle = 0, torch.cuda.synchronize if on_gpu else lambda: None
    say({"version": version + (", by layer" if options.kind == "compile" and options.by_layer else "")})
    for line in sys.stdin:
        batches = [tokens_of(step + ahead, options.batch, options.sequence, config["vocab_size"]) for ahead in range(int(line))]
        losses = []
        settle()
        started = time.perf_counter()
        for ids, labels in batches:
            optimizer.zero_grad(set_to_none=True)
            losses.append(loss_and_gradients(loss_of, ids, labels, options))
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
        settle()
        seconds = time.perf_counter() - started
        peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        say({"seconds": seconds, "losses": [loss.item() for loss in losses], "peak_bytes": peak})


def about():
    """Versions, and the device if there is one."""
    found = {"torch": torch.__version__, "cuda": torch.version.cuda, "compile": hasattr(torch, "compile")}
    try:
        import transformers

        found["transformers"] = transformers.__version__
    except ImportError:
        found["transformers"] = None
    if torch.cuda.is_available():
        device = torch.cuda.get_device_properties(0)
        found.update(device=device.name, device_bytes=device.total_memory, capability=10 * device.major + device.minor)
    return found


def say(value):
    print(json.dumps(value), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["about", "step", "compile"])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--kind", choices=["eager", "compile", "transformers"], default="eager")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--sequence", type=int, default=1024)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--recompute", type=float, default=0)
    parser.add_argument("--by-layer", action="store_true", help="torch.compile is given a layer at a time")
    options = parser.parse_args()
    if options.verb == "about":
        return say(about())
    with open(os.path.join(options.folder, "config.json")) as file:
        config = json.load(file)
    if options.verb == "compile":
        options.kind = "compile"
    problem = None
    try:
        if options.kind == "compile" and not hasattr(torch, "compile"):
            problem = f"PyTorch {torch.__version__} has no torch.compile"
        elif options.verb == "compile":
            compile_ahead(options, config)
        elif stand_by(options):
            serve(options, config)
    except RuntimeError as error:  # torch's OutOfMemoryError is one
        if "out of memory" not in str(error).lower():
            raise
        problem = "out of memory"
    if problem:
        say({"error": problem})
        sys.exit(1)


if __name__ == "__main__":
    main()
