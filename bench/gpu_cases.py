"""The models that bench/gpu trains, in the order of their worth, and what has room and time beside one another."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    config: dict  # as config.json of a Hugging Face folder
    sequence: int
    rows: int
    dtype: str = "bfloat16"
    recompute: float = 0  # share of the layers that are computed again in the backward pass; PyTorch does all or none
    evo_recompute: float = None  # Evo's own share, where it needs another
    by_layer: bool = False  # torch.compile is given a layer at a time
    limit: float = 75  # seconds
    small: bool = False  # for processors: runs when it is named

    def share(self, contender):
        return self.evo_recompute if contender == "evo" and self.evo_recompute is not None else self.recompute


def gpt2(positions):
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": 50257,
        "n_embd": 768,
        "n_inner": 3072,
        "n_layer": 12,
        "n_head": 12,
        "n_positions": positions,
        "layer_norm_epsilon": 1e-5,
        "activation_function": "gelu_new",
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "tie_word_embeddings": True,
    }


def gated(kind, vocabulary, hidden, inner, layers, heads, shared, tied, positions=4096, theta=1e6, eps=1e-6):
    return {
        "architectures": [{"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}[kind]],
        "model_type": kind,
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": shared,
        "max_position_embeddings": positions,
        "rms_norm_eps": eps,
        "rope_theta": theta,
        "hidden_act": "silu",
        "tie_word_embeddings": tied,
        "attention_dropout": 0.0,
    }


QWEN_05 = gated("qwen2", 151936, 896, 4864, 24, 14, 2, True)
QWEN_15 = gated("qwen2", 151936, 1536, 8960, 28, 12, 2, True)
QWEN_7 = gated("qwen2", 152064, 3584, 18944, 28, 28, 4, False)
LLAMA_8 = gated("llama", 128256, 4096, 14336, 32, 32, 8, False, theta=5e5, eps=1e-5)
TINY = gated("qwen2", 512, 64, 176, 2, 4, 2, True, positions=64)

CASES = [
    Case("qwen2.5-0.5B/1024", QWEN_05, 1024, 16),
    Case("qwen2.5-1.5B/1024", QWEN_15, 1024, 16),
    Case("gpt2-124M/1024", gpt2(1024), 1024, 16),
    Case("qwen2.5-7B/1024", QWEN_7, 1024, 10, recompute=1, evo_recompute=0, by_layer=True, limit=110),
    Case("llama-3-8B/4096", LLAMA_8, 4096, 2, recompute=1, evo_recompute=0, by_layer=True, limit=90),
    Case("qwen2.5-1.5B/4096", QWEN_15, 4096, 4),
    Case("qwen2.5-0.5B/4096", QWEN_05, 4096, 4),
    Case("qwen2.5-7B/4096", QWEN_7, 4096, 2, recompute=1, evo_recompute=0, by_layer=True, limit=90),
    Case("llama-3-8B/1024", LLAMA_8, 1024, 8, recompute=1, evo_recompute=0, by_layer=True, limit=90),
    Case("gpt2-124M/4096", gpt2(4096), 4096, 4),
    Case("tiny/64", TINY, 64, 2, dtype="float32", small=True),
    Case("tiny-bf16/64", TINY, 64, 2, recompute=1, by_layer=True, small=True),
    Case("tiny-gpt2/64", {**gpt2(64), "vocab_size": 512, "n_embd": 64, "n_inner": 256, "n_layer": 2, "n_head": 4}, 64, 2, dtype="float32", small=True),
]


def layers(config):
    return config["n_layer"] if config["model_type"] == "gpt2" else config["num_hidden_layers"]


def parameters(config):
    """How many a model has, each once."""
    vocabulary = config["vocab_size"]
    if config["model_type"] == "gpt2":
        hidden, inner = config["n_embd"], config["n_inner"]
        # Attention in and out, two layers between, their biases, and two norms of two vectors.
        layer = 4 * hidden * hidden + 2 * hidden * inner + 4 * hidden + inner + hidden + 4 * hidden
        return (vocabulary + config["n_positions"]) * hidden + config["n_layer"] * layer + 2 * hidden
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    shared = config["num_key_value_heads"] * (hidden // config["num_attention_heads"])
    biases = hidden + 2 * shared if config["model_type"] == "qwen2" else 0
    layer = 2 * hidden * hidden + 2 * hidden * shared + biases + 3 * hidden * inner + 2 * hidden
    return (1 if config["tie_word_embeddings"] else 2) * vocabulary * hidden + config["num_hidden_layers"] * layer + hidden


def logit_bytes(case):
    """Of PyTorch: the logits, their gradient, and what the loss makes of them, in float32."""
    return 3 * 4 * case.rows * case.sequence * case.config["vocab_size"]


def least_bytes(case):
    """What PyTorch cannot be without: weights, gradients and both moments in float32."""
    return 16 * parameters(case.config)


def warming_bytes(case):
    """What one pass forward and backward under torch.compile is thought to need, without an optimizer.

    Weights and gradients in float32 and casts of weights; of a layer and token, by what torch.compile keeps of it, the residual twice in
    float32, 4 vectors of its width and 3 of the inner one in 16 bit; the logits, their gradient and a copy in 16 bit; and what CUDA
    itself takes for a process."""
    config = case.config
    gpt2_like = config["model_type"] == "gpt2"
    hidden, inner = (config["n_embd"], config["n_inner"]) if gpt2_like else (config["hidden_size"], config["intermediate_size"])
    layer = 16 * hidden + 6 * inner
    token = layer + 4 * hidden * layers(config) if case.recompute else layer * layers(config)
    return 10 * parameters(config) + case.rows * case.sequence * (token + 8 * config["vocab_size"]) + 2**30


def admitted(waiting, running, room, most):
    """Those of `waiting` that may begin beside `running`, in order: as many as have room on a device of `room` bytes, `most` in all.

    A later one may begin before one that has no room yet. One that has no room alone begins alone, and the device says what it needs."""
    chosen, left = [], None if room is None else 0.85 * room - sum(entry.needs for entry in running)
    for entry in waiting:
        count = len(running) + len(chosen)
        if count == most:
            break
        if left is None or entry.needs <= left or count == 0:
            chosen.append(entry)
            left = None if left is None else left - entry.needs
    return chosen


def seconds_of_turns(step_seconds, contenders, turn_seconds, repeats):
    """What contenders need once they are ready, by the fastest of their steps so far, if there is one: two more steps, and their turns."""
    return 1 + 1.3 * contenders * (2 * step_seconds + repeats * max(turn_seconds, step_seconds))


def groups(contenders, room):
    """Contenders that are on a device of `room` bytes at one time, of those in order: as many as fit, by what each needs.

    Each is given the number of its group. One that has no room alone, by the least that it takes, has none, and its problem is said."""
    together, left = [], 0
    for contender in contenders:
        if room is not None and contender.least > 0.97 * room:
            contender.problem = f"does not fit: {contender.least / 2**30:.0f} GiB at least, the device has {room / 2**30:.0f} GiB"
            continue
        if not together or room is not None and contender.needs > left:
            together.append([])
            left = 0.92 * room if room is not None else 0
        left -= contender.needs
        contender.group = len(together)
        together[-1].append(contender)
    return together
