"""The models that bench/run and bench/ranks measure Evo against, in plain PyTorch: the way people write them.

nn.Linear, RMSNorm in a few lines, masked softmax attention or, with `fused`, the attention that PyTorch has since 2.0. They run with
PyTorch 1.13 and later and use nothing else. Names are those of the models' Hugging Face files. With `recompute` each layer is computed
again in the backward pass, by PyTorch's own function. `blocks` and `end` are what torch.compile is given where it takes a model in parts.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint


def attend(q, k, v, mask):
    """Causal attention of [B, heads, T, size], keys and values of as many heads or fewer; without a mask by PyTorch's own kernel."""
    if k.shape[1] != q.shape[1]:
        k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (k, v))
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return F.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]) + mask, dim=-1) @ v


def through(layers, recompute, x, *others):
    for layer in layers:
        x = checkpoint(layer, x, *others, use_reentrant=False) if recompute else layer(x, *others)
    return x


def causal_mask(length, fused):
    return None if fused else torch.full((length, length), -math.inf).triu(1)


class RMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        variance = x.pow(2).mean(-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(variance + self.eps))


def rotate_half(x):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


class LlamaAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden, self.heads = config["hidden_size"], config["num_attention_heads"]
        self.shared = config.get("num_key_value_heads", self.heads)
        inner, bias = self.shared * (hidden // self.heads), config["model_type"] == "qwen2"
        self.q_proj = nn.Linear(hidden, hidden, bias=bias)
        self.k_proj = nn.Linear(hidden, inner, bias=bias)
        self.v_proj = nn.Linear(hidden, inner, bias=bias)
        self.o_proj = nn.Linear(hidden, hidden, bias=False)

    def forward(self, x, cos, sin, mask):
        batch, tokens, hidden = x.shape
        size = hidden // self.heads
        q = self.q_proj(x).view(batch, tokens, self.heads, size).transpose(1, 2)
        k = self.k_proj(x).view(batch, tokens, self.shared, size).transpose(1, 2)
        v = self.v_proj(x).view(batch, tokens, self.shared, size).transpose(1, 2)
        cos, sin = cos.to(q.dtype), sin.to(q.dtype)
        q = q * cos + rotate_half(q) * sin
        k = k * cos + rotate_half(k) * sin
        y = attend(q, k, v, mask)
        return self.o_proj(y.transpose(1, 2).reshape(batch, tokens, hidden))


class LlamaMLP(nn.Module):
    def __init__(self, hidden, inner):
        super().__init__()
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class LlamaLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.self_attn = LlamaAttention(config)
        self.post_attention_layernorm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        self.mlp = LlamaMLP(config["hidden_size"], config["intermediate_size"])

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class LlamaBody(nn.Module):
    def __init__(self, config, fused, recompute):
        super().__init__()
        self.recompute = recompute
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(LlamaLayer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        size, length = config["hidden_size"] // config["num_attention_heads"], config["max_position_embeddings"]
        frequency = config["rope_theta"] ** (-torch.arange(0, size, 2).float() / size)
        angle = torch.outer(torch.arange(length).float(), frequency)
        angle = torch.cat((angle, angle), dim=-1)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        self.register_buffer("mask", causal_mask(length, fused), persistent=False)

    def forward(self, ids):
        tokens = ids.shape[1]
        cos, sin = self.cos[:tokens], self.sin[:tokens]
        mask = self.mask if self.mask is None else self.mask[:tokens, :tokens]
        return through(self.layers, self.recompute, self.embed_tokens(ids), cos, sin, mask)


class Llama(nn.Module):
    TRANSPOSED = ()

    def __init__(self, config, fused=False, recompute=False):
        super().__init__()
        self.model = LlamaBody(config, fused, recompute)
        self.lm_head = nn.Linear(config["hidden_size"], config["vocab_size"], bias=False)
        if config["tie_word_embeddings"]:
            self.lm_head.weight = self.model.embed_tokens.weight

    def blocks(self):
        return self.model.layers

    def end(self, x, labels):
        logits = self.lm_head(self.model.norm(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.view(-1))

    def forward(self, ids, labels):
        return self.end(self.model(ids), labels)

    @staticmethod
    def config(options):
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": options.vocabulary,
            "hidden_size": options.hidden,
            "intermediate_size": options.inner,
            "num_hidden_layers": options.layers,
            "num_attention_heads": options.heads,
            "num_key_value_heads": options.heads,
            "max_position_embeddings": options.positions,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "hidden_act": "silu",
            "tie_word_embeddings": False,
            "attention_bias": False,
            "mlp_bias": False,
            "torch_dtype": "float32",
        }


class GPT2Attention(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(hidden, 3 * hidden)
        self.c_proj = nn.Linear(hidden, hidden)

    def forward(self, x, mask):
        batch, tokens, hidden = x.shape
        shape = (batch, tokens, self.heads, hidden // self.heads)
        q, k, v = (part.view(shape).transpose(1, 2) for part in self.c_attn(x).split(hidden, dim=-1))
        return self.c_proj(attend(q, k, v, mask).transpose(1, 2).reshape(batch, tokens, hidden))


class GPT2MLP(nn.Module):
    def __init__(self, hidden, inner):
        super().__init__()
        self.c_fc = nn.Linear(hidden, inner)
        self.c_proj = nn.Linear(inner, hidden)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class GPT2Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config["n_embd"]
        self.ln_1 = nn.LayerNorm(hidden, config["layer_norm_epsilon"])
        self.attn = GPT2Attention(hidden, config["n_head"])
        self.ln_2 = nn.LayerNorm(hidden, config["layer_norm_epsilon"])
        self.mlp = GPT2MLP(hidden, config["n_inner"])

    def forward(self, x, mask):
        x = x + self.attn(self.ln_1(x), mask)
        return x + self.mlp(self.ln_2(x))


class GPT2(nn.Module):
    # Its files hold these weights as [in, out].
    TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")

    def __init__(self, config, fused=False, recompute=False):
        super().__init__()
        self.recompute = recompute
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config["vocab_size"], config["n_embd"]),
                "wpe": nn.Embedding(config["n_positions"], config["n_embd"]),
                "h": nn.ModuleList(GPT2Layer(config) for _ in range(config["n_layer"])),
                "ln_f": nn.LayerNorm(config["n_embd"], config["layer_norm_epsilon"]),
            }
        )
        self.register_buffer("mask", causal_mask(config["n_positions"], fused), persistent=False)

    def blocks(self):
        return self.transformer["h"]

    def end(self, x, labels):
        logits = F.linear(self.transformer["ln_f"](x), self.transformer["wte"].weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), labels.view(-1))

    def forward(self, ids, labels):
        parts, tokens = self.transformer, ids.shape[1]
        mask = self.mask if self.mask is None else self.mask[:tokens, :tokens]
        x = parts["wte"](ids) + parts["wpe"](torch.arange(tokens, device=ids.device))
        return self.end(through(parts["h"], self.recompute, x, mask), labels)

    @staticmethod
    def config(options):
        return {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "vocab_size": options.vocabulary,
            "n_embd": options.hidden,
            "n_inner": options.inner,
            "n_layer": options.layers,
            "n_head": options.heads,
            "n_positions": options.positions,
            "layer_norm_epsilon": 1e-5,
            "activation_function": "gelu_new",
            "resid_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "attn_pdrop": 0.0,
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
        }


MODELS = {"llama": Llama, "qwen2": Llama, "gpt2": GPT2}
