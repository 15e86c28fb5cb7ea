"""The models that bench/gpu trains, in the order of their worth, and which contenders take turns on a device."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    config: dict  # as config.json of a Hugging Face folder
    sequence: int
    rows: int
    dtype: str = "bfloat16"
    recompute: int = 0  # 1: every layer is computed again in the backward pass
    limit: float = 100  # seconds
    small: bool = False  # for processors: runs when it is named


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
    Case("qwen2.5-1.5B/4096", QWEN_15, 4096, 2),
    Case("gpt2-124M/1024", gpt2(1024), 1024, 16),
    Case("llama-3-8B/4096", LLAMA_8, 4096, 1, recompute=1, limit=150),
    Case("qwen2.5-0.5B/4096", QWEN_05, 4096, 4),
    Case("qwen2.5-7B/4096", QWEN_7, 4096, 1, recompute=1, limit=150),
    Case("qwen2.5-1.5B/1024", QWEN_15, 1024, 8),
    Case("llama-3-8B/1024", LLAMA_8, 1024, 4, recompute=1, limit=150),
    Case("qwen2.5-0.5B/1024", QWEN_05, 1024, 16),
    Case("qwen2.5-7B/1024", QWEN_7, 1024, 4, recompute=1, limit=150),
    Case("gpt2-124M/4096", gpt2(4096), 4096, 4),
    Case("tiny/64", TINY, 64, 2, dtype="float32", small=True),
    Case("tiny-bf16/64", TINY, 64, 2, recompute=1, small=True),
    Case("tiny-gpt2/64", {**gpt2(64), "vocab_size": 512, "n_embd": 64, "n_inner": 256, "n_layer": 2, "n_head": 4}, 64, 2, dtype="float32", small=True),
]


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
