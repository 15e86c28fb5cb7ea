"""A training step in plain PyTorch: what bench/run and bench/ranks measure Evo against.

autograd, torch.optim.AdamW and clip_grad_norm_ over the models of pytorch_models.py.

    python3 bench/pytorch_train.py init FOLDER [shape options]    writes config.json and model.safetensors
    python3 bench/pytorch_train.py train FOLDER [options]         answers lines of stdin, see serve()
"""

import argparse
import json
import os
import resource
import struct
import sys
import time

import torch
import torch.distributed

sys.dont_write_bytecode = True  # the checkout stays as it is
from pytorch_models import MODELS  # noqa: E402


def tokens_of(step, batch, length, vocabulary, first=0):
    """Ids of one step; Evo's side of the benchmark computes the same. Row b, place t: a walk with a stride of its own."""
    rows = [[(t * (2 * b + 3) + t * t % 61 + 31 * step) % vocabulary for t in range(length + 1)] for b in range(first, first + batch)]
    ids = torch.tensor(rows)
    return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * 4
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.contiguous().numpy().tobytes())


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        start = file.tell()
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            file.seek(start + entry["data_offsets"][0])
            data = bytearray(file.read(entry["data_offsets"][1] - entry["data_offsets"][0]))
            yield name, torch.frombuffer(data, dtype=torch.float32).view(entry["shape"])


def init(options):
    kind = MODELS[options.model]
    config = kind.config(options)
    torch.manual_seed(1)
    model = kind(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2:
                parameter.normal_(0, 0.02)
    os.makedirs(options.folder, exist_ok=True)
    with open(os.path.join(options.folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
    tensors = {name: tensor.t() if name.endswith(kind.TRANSPOSED) else tensor for name, tensor in model.state_dict().items()}
    write_safetensors(os.path.join(options.folder, "model.safetensors"), tensors)


def blas_of_this_process():
    """The file of the BLAS that libtorch runs on, where it is not built in."""
    with open("/proc/self/maps") as maps:
        found = {line.split()[-1] for line in maps if "openblas" in line or "libblas" in line or "mkl" in line}
    return sorted(os.path.realpath(path) for path in found)[0] if found else "built in"


def serve(options):
    """Reads a number of steps a line from stdin, runs them, and answers one JSON line: seconds, losses, peak memory.

    With --ddp this is one of several processes, as torchrun's variables say, each with rows of its own.
    """
    torch.set_num_threads(options.threads)
    with open(os.path.join(options.folder, "config.json")) as file:
        config = json.load(file)
    kind = MODELS[config["model_type"]]
    model = kind(config, options.fused_attention)
    with torch.no_grad():
        state = model.state_dict()
        for name, tensor in read_safetensors(os.path.join(options.folder, "model.safetensors")):
            state[name].copy_(tensor.t() if name.endswith(kind.TRANSPOSED) else tensor)
    first = 0
    if options.ddp:
        torch.distributed.init_process_group("gloo")
        first = torch.distributed.get_rank() * options.batch
        model = torch.nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    step = 0
    torch.ones(2, 2) @ torch.ones(2, 2)  # loads its BLAS
    print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(), "blas": blas_of_this_process()}), flush=True)
    for line in sys.stdin:
        losses = []
        started = time.perf_counter()
        for _ in range(int(line)):
            ids, labels = tokens_of(step, options.batch, options.sequence, config["vocab_size"], first)
            optimizer.zero_grad(set_to_none=True)
            loss = model(ids, labels)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
            step += 1
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "losses": losses, "peak_bytes": peak}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["init", "train"])
    parser.add_argument("folder")
    parser.add_argument("--model", choices=["llama", "gpt2"], default="llama")
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--inner", type=int, default=1376)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--positions", type=int, default=256)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--sequence", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fused-attention", action="store_true")
    parser.add_argument("--ddp", action="store_true")
    options = parser.parse_args()
    init(options) if options.verb == "init" else serve(options)


if __name__ == "__main__":
    main()
