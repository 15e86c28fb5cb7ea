#!/usr/bin/env python3
"""Makes the figures of further dense families: InternLM, InternLM3, Qwen2, Gemma and Baichuan2, as figures.py makes those of the
first three. Run it in this folder:
    python3 dense.py"""
import math

import torch

from figures import LLAMA, act, linear, make, rope


def inverse_frequencies(cfg, d, end):
    scaling = cfg.get("rope_scaling") or {}
    theta = cfg.get("rope_theta", 10000.0)
    if "rotary" in cfg:
        theta = cfg["rotary"]["base"]
        if cfg["rotary"]["type"] == "dynamic":
            scaling = {"rope_type": "dynamic", "factor": cfg["rotary"].get("scaling_factor", 1.0)}
    kind, longest = scaling.get("rope_type", scaling.get("type")), cfg.get("max_position_embeddings")
    if kind == "dynamic" and end > longest:
        theta = theta * (scaling["factor"] * end / longest - scaling["factor"] + 1) ** (d / (d - 2))
    out = [1 / theta ** (2 * i / d) for i in range(d // 2)]
    if kind == "linear":
        out = [w / scaling["factor"] for w in out]
    if kind == "llama3":
        old, low, high, f = (scaling[k] for k in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor", "factor"))
        turns = [old * w / (2 * math.pi) for w in out]
        kept = [min(1, max(0, (t - low) / (high - low))) for t in turns]
        out = [w * (s + (1 - s) / f) for w, s in zip(out, kept)]
    return out


def slopes(heads):
    """Press et al. 2022: geometric for a power of two; else the power below, then every second one of the power above."""
    if heads & (heads - 1) == 0:
        return [2 ** (-8 * (h + 1) / heads) for h in range(heads)]
    below = 2 ** (heads.bit_length() - 1)
    return slopes(below) + slopes(2 * below)[0::2][: heads - below]


def attention(q, k, v, segment, window, tilt):  # q [T, H, D], k and v [T, K, D]; token i sees j of its segment, i - window < j <= i
    T, H, D = q.shape
    out = torch.empty(T, H, D)
    for h in range(H):
        kv = h // (H // k.shape[1])
        rows = []
        for i in range(T):
            seen = [j for j in range(i + 1) if segment[i] == segment[j] and (not window or i - j < window)]
            score = torch.stack([q[i, h] @ k[j, kv] / math.sqrt(D) + (tilt[h] * (j - i) if tilt else 0) for j in seen])
            p = torch.exp(score - torch.logsumexp(score, 0))
            rows.append(sum(p[n] * v[j, kv] for n, j in enumerate(seen)))
        out = torch.cat([out[:, :h], torch.stack(rows)[:, None], out[:, h + 1:]], 1)
    return out.reshape(T, H * D)


def sizes(cfg):
    C, H = cfg["hidden_size"], cfg["num_attention_heads"]
    return C, H, cfg.get("num_key_value_heads") or H, cfg.get("head_dim") or C // H


def forward(cfg, w, ids, position, segment):
    """One row: ids, position and segment are lists of T. Returns logits and hidden states."""
    kind, T = cfg["model_type"], len(ids)
    C, H, K, D = sizes(cfg)
    inverse = inverse_frequencies(cfg, D, max(position) + 1)
    gemma, alibi = kind == "gemma", kind == "baichuan" and "max_position_embeddings" not in cfg
    name = cfg["hidden_activation"] or "gelu_pytorch_tanh" if gemma else cfg["hidden_act"]

    def norm(x, part):
        gain = w[part + ".weight"]
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + cfg["rms_norm_eps"]) * (1 + gain if gemma else gain)

    def turn(t):
        return t if alibi else torch.stack([rope(t[n], position[n], inverse) for n in range(T)])

    x = w["model.embed_tokens.weight"][torch.tensor(ids)] * (math.sqrt(C) if gemma else 1)
    states = [x]
    for i in range(cfg["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = norm(x, p + "input_layernorm")
        if kind == "baichuan":
            q, k, v = (t.reshape(T, H, D) for t in linear(h, w, p + "self_attn.W_pack").split(C, -1))
        else:
            q, k, v = (linear(h, w, p + f"self_attn.{n}_proj").reshape(T, -1, D) for n in "qkv")
        window = cfg["sliding_window"] if cfg.get("use_sliding_window") and i >= cfg["max_window_layers"] else 0
        x = x + linear(attention(turn(q), turn(k), v, segment, window, slopes(H) if alibi else None), w, p + "self_attn.o_proj")
        h = norm(x, p + "post_attention_layernorm")
        x = x + linear(act(name, linear(h, w, p + "mlp.gate_proj")) * linear(h, w, p + "mlp.up_proj"), w, p + "mlp.down_proj")
        states.append(x)
    x = norm(x, "model.norm")
    head = w["model.embed_tokens.weight" if cfg["tie_word_embeddings"] else "lm_head.weight"]
    if kind == "baichuan" and cfg.get("norm_head", True):
        head = head / torch.sqrt((head * head).sum(-1, keepdim=True))
    return x @ head.t(), states + [x]


def shapes(cfg):
    C, H, K, D = sizes(cfg)
    V, F, kind = cfg["vocab_size"], cfg["intermediate_size"], cfg["model_type"]
    qkv, o, mlp = {
        "internlm": lambda: (cfg.get("bias", True), cfg.get("bias", True), False),
        "internlm3": lambda: (cfg["qkv_bias"], cfg["bias"], cfg["bias"]),
        "qwen2": lambda: (cfg.get("qkv_bias", True), cfg.get("o_bias", False), cfg.get("mlp_bias", False)),
        "gemma": lambda: (cfg["attention_bias"], cfg["attention_bias"], False),
        "baichuan": lambda: (False, False, False),
    }[kind]()
    out = {"model.embed_tokens.weight": (V, C)}
    for i in range(cfg["num_hidden_layers"]):
        p = f"model.layers.{i}."
        maps = [("self_attn.o_proj", C, H * D, o), ("mlp.gate_proj", F, C, mlp), ("mlp.up_proj", F, C, mlp), ("mlp.down_proj", C, F, mlp)]
        if kind == "baichuan":
            maps.insert(0, ("self_attn.W_pack", 3 * C, C, False))
        else:
            maps[:0] = [("self_attn.q_proj", H * D, C, qkv), ("self_attn.k_proj", K * D, C, qkv), ("self_attn.v_proj", K * D, C, qkv)]
        for n, rows, columns, bias in maps:
            out[p + n + ".weight"] = (rows, columns)
            if bias:
                out[p + n + ".bias"] = (rows,)
        out |= {p + "input_layernorm.weight": (C,), p + "post_attention_layernorm.weight": (C,)}
    out["model.norm.weight"] = (C,)
    if not cfg["tie_word_embeddings"]:
        out["lm_head.weight"] = (V, C)
    return out


def named(architecture, kind, *left_out):
    return {**{k: v for k, v in LLAMA.items() if k not in left_out}, "architectures": [architecture], "model_type": kind}


INTERNLM = {**named("InternLMForCausalLM", "internlm", "num_key_value_heads", "rope_theta"), "bias": True, "rotary": {"base": 10000, "type": "dynamic"}}
INTERNLM3 = {**named("InternLM3ForCausalLM", "internlm3"), "qkv_bias": False, "bias": False, "attention_dropout": 0.0}
QWEN2 = {**named("Qwen2ForCausalLM", "qwen2"), "use_sliding_window": False, "sliding_window": 4096, "max_window_layers": 28, "attention_dropout": 0.0}
GEMMA = {**named("GemmaForCausalLM", "gemma"), "head_dim": 8, "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
         "attention_bias": False, "tie_word_embeddings": True}
BAICHUAN = {**named("BaichuanForCausalLM", "baichuan", "num_key_value_heads", "rope_theta"), "model_max_length": 64, "z_loss_weight": 0}
BAICHUAN_13B = {k: v for k, v in BAICHUAN.items() if k != "max_position_embeddings"}

VARIANTS = {
    "internlm_dynamic_active_tied": {**INTERNLM, "max_position_embeddings": 8, "tie_word_embeddings": True,
                                     "rotary": {"base": 500, "type": "dynamic", "scaling_factor": 2.5}},
    "internlm_dynamic_factor_unset_no_bias": {**INTERNLM, "max_position_embeddings": 8, "bias": False, "hidden_act": "gelu"},
    "internlm_origin_beyond_its_length": {**INTERNLM, "max_position_embeddings": 8, "rotary": {"base": 300, "type": "origin"}},
    "internlm3_biases_head_dim_dynamic_active": {**INTERNLM3, "qkv_bias": True, "bias": True, "head_dim": 10, "num_key_value_heads": 1,
                                                 "max_position_embeddings": 8, "rope_scaling": {"rope_type": "dynamic", "factor": 6.0}},
    "internlm3_qkv_bias_tied_llama3": {**INTERNLM3, "qkv_bias": True, "tie_word_embeddings": True, "hidden_act": "relu", "rope_theta": 500.0,
                                       "rope_scaling": {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 3.0,
                                                        "original_max_position_embeddings": 16}},
    "internlm3_bias_without_qkv": {**INTERNLM3, "bias": True, "num_key_value_heads": 4},
    "qwen2_window_upper_layers": {**QWEN2, "num_hidden_layers": 3, "use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    "qwen2_window_everywhere_tied_no_bias": {**QWEN2, "use_sliding_window": True, "sliding_window": 3, "max_window_layers": 0, "qkv_bias": False,
                                             "tie_word_embeddings": True, "num_key_value_heads": 1, "rope_scaling": {"type": "linear", "factor": 2.0}},
    "qwen2_window_switched_off_dynamic": {**QWEN2, "sliding_window": 2, "max_window_layers": 0, "num_key_value_heads": 4, "o_bias": True,
                                          "mlp_bias": True, "max_position_embeddings": 8, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
    "gemma_untied_all_kv_biases_erf": {**GEMMA, "tie_word_embeddings": False, "num_key_value_heads": 4, "attention_bias": True,
                                       "hidden_activation": "gelu", "head_dim": 10},
    "gemma_activation_unset": {**GEMMA, "hidden_act": "gelu", "hidden_activation": None, "num_key_value_heads": 1, "rms_norm_eps": 1e-3},
    "baichuan_rotary_plain_head": {**BAICHUAN, "norm_head": False, "hidden_act": "gelu", "rope_theta": 300.0},
    "baichuan_alibi_twelve_heads": {**BAICHUAN_13B, "hidden_size": 48, "num_attention_heads": 12},
    "baichuan_alibi_six_heads_tied": {**BAICHUAN_13B, "num_attention_heads": 6, "tie_word_embeddings": True},
}

if __name__ == "__main__":
    for number, (variant, config) in enumerate(VARIANTS.items()):
        # Numbers near one in every layer, so that float32 can hold the figures' last digits: Gemma's embeddings are scaled.
        gemma = config["model_type"] == "gemma"
        make(variant, config, 4100 + number, forward, shapes, gain=0.0 if gemma else 1.0, spread=0.1 if gemma else 0.15)
        print(variant)
