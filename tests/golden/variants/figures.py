#!/usr/bin/env python3
"""Makes the figures of this folder: configurations that the golden folders do not cover, computed in float64 by the plain
code below, which shares nothing with Evo. Needs numpy and PyTorch (any version). Run it in this folder:
    python3 figures.py
It writes the same files byte for byte on one PyTorch version; the layout is that of ../README.md."""
import json, math, os, struct
import torch

torch.set_default_dtype(torch.float64)


def act(name, x):
    if name in ("silu", "swish"):
        return x / (1 + torch.exp(-x))
    if name == "gelu":
        return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    if name in ("gelu_new", "gelu_pytorch_tanh"):
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
    if name == "relu":
        return torch.clamp(x, min=0)
    raise ValueError(name)


def inverse_frequencies(cfg, d, end):
    theta, scaling = cfg.get("rope_theta", 10000.0), cfg.get("rope_scaling") or {}
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind == "dynamic":
        longest = cfg["max_position_embeddings"]
        if end > longest:
            f = scaling["factor"]
            theta = theta * ((f * end / longest) - (f - 1)) ** (d / (d - 2))
    out = [theta ** (-(2 * i) / d) for i in range(d // 2)]
    if kind == "linear":
        out = [w / scaling["factor"] for w in out]
    if kind == "llama3":
        old, low, high, f = (scaling[k] for k in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor", "factor"))
        for i, w in enumerate(out):
            length = 2 * math.pi / w
            if length > old / low:
                out[i] = w / f
            elif length >= old / high:
                s = (old / length - low) / (high - low)
                out[i] = (1 - s) * w / f + s * w
    return out


def rope(x, position, inverse):  # x: [H, D] of one token
    half = x.shape[-1] // 2
    c = torch.tensor([math.cos(position * w) for w in inverse])
    s = torch.tensor([math.sin(position * w) for w in inverse])
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * c - b * s, b * c + a * s], -1)


def rms(x, w, eps):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * w


def layer_norm(x, w, b, eps):
    m = x.mean(-1, keepdim=True)
    return (x - m) / torch.sqrt(((x - m) ** 2).mean(-1, keepdim=True) + eps) * w + b


def attention(q, k, v, scale, segment):  # q [T, H, D], k and v [T, K, D]; one loop per head
    T, H, _ = q.shape
    group = H // k.shape[1]
    heads = []
    for h in range(H):
        s = q[:, h] @ k[:, h // group].t() * scale
        mask = torch.tensor([[j <= i and segment[i] == segment[j] for j in range(T)] for i in range(T)])
        s = torch.where(mask, s, torch.tensor(-math.inf))
        heads.append(torch.softmax(s, -1) @ v[:, h // group])
    return torch.stack(heads, 1).reshape(T, -1)


def linear(x, w, name):
    y = x @ w[name + ".weight"].t()
    return y + w[name + ".bias"] if name + ".bias" in w else y


def conv1d(x, w, name):
    return x @ w[name + ".weight"] + w[name + ".bias"]


def forward(cfg, w, ids, position, segment):
    """One row: ids, position and segment are lists of T. Returns logits and hidden states."""
    kind, T = cfg["model_type"], len(ids)
    ids = torch.tensor(ids)
    if kind == "gpt2":
        C, H = cfg["n_embd"], cfg["n_head"]
        x = w["transformer.wte.weight"][ids] + w["transformer.wpe.weight"][torch.tensor(position)]
        states, eps = [x], cfg["layer_norm_epsilon"]
        for i in range(cfg["n_layer"]):
            p = f"transformer.h.{i}."
            h = conv1d(layer_norm(x, w[p + "ln_1.weight"], w[p + "ln_1.bias"], eps), w, p + "attn.c_attn")
            q, k, v = (t.reshape(T, H, C // H) for t in h.split(C, -1))
            scale = 1 / math.sqrt(C // H) if cfg.get("scale_attn_weights", True) else 1.0
            if cfg.get("scale_attn_by_inverse_layer_idx", False):
                scale /= i + 1
            x = x + conv1d(attention(q, k, v, scale, segment), w, p + "attn.c_proj")
            h = layer_norm(x, w[p + "ln_2.weight"], w[p + "ln_2.bias"], eps)
            x = x + conv1d(act(cfg["activation_function"], conv1d(h, w, p + "mlp.c_fc")), w, p + "mlp.c_proj")
            states.append(x)
        x = layer_norm(x, w["transformer.ln_f.weight"], w["transformer.ln_f.bias"], eps)
        head = w["transformer.wte.weight"] if cfg.get("tie_word_embeddings", True) else w["lm_head.weight"]
        return x @ head.t(), states + [x]

    C, H = cfg["hidden_size"], cfg["num_attention_heads"]
    K = cfg.get("num_key_value_heads") or H
    D = cfg.get("head_dim") or C // H
    eps, inverse = cfg["rms_norm_eps"], inverse_frequencies(cfg, D, max(position) + 1)
    fused = kind == "internlm2"
    table = w["model.tok_embeddings.weight" if fused else "model.embed_tokens.weight"]
    x = table[ids]
    states = [x]
    turn = lambda t: torch.stack([rope(t[n], position[n], inverse) for n in range(T)])
    for i in range(cfg["num_hidden_layers"]):
        p = f"model.layers.{i}."
        if fused:
            h = linear(rms(x, w[p + "attention_norm.weight"], eps), w, p + "attention.wqkv").reshape(T, K, H // K + 2, D)
            q, k, v = h[:, :, :-2].reshape(T, H, D), h[:, :, -2], h[:, :, -1]
            x = x + linear(attention(turn(q), turn(k), v, 1 / math.sqrt(D), segment), w, p + "attention.wo")
            h = rms(x, w[p + "ffn_norm.weight"], eps)
            gate, up, down = (p + "feed_forward." + n for n in ("w1", "w3", "w2"))
        else:
            h = rms(x, w[p + "input_layernorm.weight"], eps)
            q, k, v = (linear(h, w, p + f"self_attn.{n}_proj").reshape(T, -1, D) for n in "qkv")
            x = x + linear(attention(turn(q), turn(k), v, 1 / math.sqrt(D), segment), w, p + "self_attn.o_proj")
            h = rms(x, w[p + "post_attention_layernorm.weight"], eps)
            gate, up, down = (p + f"mlp.{n}_proj" for n in ("gate", "up", "down"))
        x = x + linear(act(cfg["hidden_act"], linear(h, w, gate)) * linear(h, w, up), w, down)
        states.append(x)
    x = rms(x, w["model.norm.weight"], eps)
    head = table if cfg["tie_word_embeddings"] else w["output.weight" if fused else "lm_head.weight"]
    return x @ head.t(), states + [x]


def shapes(cfg):
    V = cfg["vocab_size"]
    out = {}
    if cfg["model_type"] == "gpt2":
        C, F = cfg["n_embd"], cfg.get("n_inner") or 4 * cfg["n_embd"]
        out |= {"transformer.wte.weight": (V, C), "transformer.wpe.weight": (cfg["n_positions"], C)}
        for i in range(cfg["n_layer"]):
            p = f"transformer.h.{i}."
            for n, s in (("attn.c_attn", (C, 3 * C)), ("attn.c_proj", (C, C)), ("mlp.c_fc", (C, F)), ("mlp.c_proj", (F, C))):
                out |= {p + n + ".weight": s, p + n + ".bias": (s[1],)}
            for n in ("ln_1", "ln_2"):
                out |= {p + n + ".weight": (C,), p + n + ".bias": (C,)}
        out |= {"transformer.ln_f.weight": (C,), "transformer.ln_f.bias": (C,)}
        if not cfg.get("tie_word_embeddings", True):
            out["lm_head.weight"] = (V, C)
        return out
    C, H, F = cfg["hidden_size"], cfg["num_attention_heads"], cfg["intermediate_size"]
    K = cfg.get("num_key_value_heads") or H
    D = cfg.get("head_dim") or C // H
    fused = cfg["model_type"] == "internlm2"

    def add(name, o, i, bias):
        out[name + ".weight"] = (o, i)
        if bias:
            out[name + ".bias"] = (o,)

    out["model.tok_embeddings.weight" if fused else "model.embed_tokens.weight"] = (V, C)
    for i in range(cfg["num_hidden_layers"]):
        p = f"model.layers.{i}."
        if fused:
            bias = cfg["bias"]
            add(p + "attention.wqkv", (H + 2 * K) * D, C, bias)
            add(p + "attention.wo", C, H * D, bias)
            add(p + "feed_forward.w1", F, C, False)
            add(p + "feed_forward.w3", F, C, False)
            add(p + "feed_forward.w2", C, F, False)
            out |= {p + "attention_norm.weight": (C,), p + "ffn_norm.weight": (C,)}
        else:
            bias = cfg.get("attention_bias", False)
            add(p + "self_attn.q_proj", H * D, C, bias)
            add(p + "self_attn.k_proj", K * D, C, bias)
            add(p + "self_attn.v_proj", K * D, C, bias)
            add(p + "self_attn.o_proj", C, H * D, bias)
            for n, (o, j) in (("gate", (F, C)), ("up", (F, C)), ("down", (C, F))):
                add(p + f"mlp.{n}_proj", o, j, cfg.get("mlp_bias", False))
            out |= {p + "input_layernorm.weight": (C,), p + "post_attention_layernorm.weight": (C,)}
    out["model.norm.weight"] = (C,)
    if not cfg["tie_word_embeddings"]:
        add("output" if fused else "lm_head", V, C, False)
    return out


def loss_of(logits, labels):
    kept = [(l, y) for l, y in zip(logits, labels) if y != -100]
    return sum(torch.logsumexp(l, -1) - l[y] for l, y in kept), len(kept)


def save(path, tensors, metadata=None):
    names = {torch.float64: "F32", torch.float32: "F32", torch.int64: "I64", torch.int32: "I32"}
    header, blob = ({"__metadata__": metadata} if metadata else {}), b""
    for name in sorted(tensors):
        t = tensors[name].detach()
        t = t.float() if t.dtype == torch.float64 else t
        data = t.contiguous().numpy().tobytes()
        header[name] = {"dtype": names[t.dtype], "shape": list(t.shape), "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + blob)


def make(name, cfg, seed, forward=forward, shapes=shapes, gain=1.0, spread=0.2):
    os.makedirs(name, exist_ok=True)
    g = torch.Generator().manual_seed(seed)
    # Rounded to float32 first: the figures belong to the weights that the file holds.
    w = {}
    for n, s in shapes(cfg).items():
        norm = any(k in n for k in ("norm", "ln_")) and n.endswith("weight")
        w[n] = (torch.randn(s, generator=g) * spread + (gain if norm else 0.0)).float().double().requires_grad_(True)
    V = cfg["vocab_size"]
    ids = torch.randint(0, V, (2, 13), generator=g)
    labels = ids.clone()
    labels[0, 3:5] = -100
    labels[1, 0] = -100
    rows = [forward(cfg, w, row, list(range(13)), [0] * 13) for row in ids.tolist()]
    total, count = 0, 0
    for (logits, _), row in zip(rows, labels.tolist()):
        s, c = loss_of(logits, row[1:] + [-100])
        total, count = total + s, count + c
    loss = total / count
    grads = dict(zip(w, torch.autograd.grad(loss, list(w.values()))))
    golden = {"input_ids": ids, "labels": labels, "logits": torch.stack([r[0] for r in rows]), "loss": loss}
    names = [f"hidden.{i}" for i in range(len(rows[0][1]) - 1)] + ["hidden.final"]
    for i, n in enumerate(names):
        golden[n] = torch.stack([r[1][i] for r in rows])
    save(f"{name}/golden.safetensors", golden | {"grad." + n: t for n, t in grads.items()})

    cuts = [0, 7, 9, 18]
    position = [i for a, b in zip(cuts, cuts[1:]) for i in range(b - a)]
    segment = [n for n, (a, b) in enumerate(zip(cuts, cuts[1:])) for _ in range(b - a)]
    ids = torch.randint(0, V, (1, 18), generator=g)
    labels = torch.cat([ids[:, 1:], torch.tensor([[-100]])], 1)
    labels[0, [6, 8, 11]] = -100
    logits, _ = forward(cfg, w, ids[0].tolist(), position, segment)
    s, c = loss_of(logits, labels[0].tolist())
    grads = dict(zip(w, torch.autograd.grad(s / c, list(w.values()))))
    save(f"{name}/packed.safetensors", {
        "input_ids": ids, "position_ids": torch.tensor([position]), "cu_seqlens": torch.tensor(cuts, dtype=torch.int32),
        "labels": labels, "logits": logits[None], "loss": s / c} | {"grad." + n: t for n, t in grads.items()})
    save(f"{name}/model.safetensors", w, {"format": "pt"})
    with open(f"{name}/config.json", "w") as f:
        json.dump(cfg, f, indent=2)
        f.write("\n")


LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 44, "hidden_size": 24, "intermediate_size": 20,
         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu", "rms_norm_eps": 1e-5,
         "max_position_embeddings": 64, "rope_theta": 10000.0, "tie_word_embeddings": False, "use_cache": True}
INTERNLM2 = {**LLAMA, "architectures": ["InternLM2ForCausalLM"], "model_type": "internlm2", "bias": False}
GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 44, "n_positions": 20, "n_embd": 24, "n_layer": 2,
        "n_head": 4, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "attn_pdrop": 0.1, "embd_pdrop": 0.1, "resid_pdrop": 0.1}

VARIANTS = {
    "llama_head_dim_one_kv_biases": {**LLAMA, "head_dim": 10, "num_key_value_heads": 1, "attention_bias": True, "mlp_bias": True},
    "llama_tied_linear_tanh_gelu": {**LLAMA, "tie_word_embeddings": True, "rope_scaling": {"type": "linear", "factor": 4.0}, "hidden_act": "gelu_pytorch_tanh"},
    "llama_dynamic_active": {**LLAMA, "num_key_value_heads": None, "max_position_embeddings": 8, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
    "llama_llama3_gelu_epsilon": {**LLAMA, "num_key_value_heads": 4, "hidden_act": "gelu", "rms_norm_eps": 1e-3, "rope_theta": 500.0,
                                  "rope_scaling": {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 3.0,
                                                   "original_max_position_embeddings": 16}},
    "internlm2_bias_one_kv_dynamic_tied": {**INTERNLM2, "bias": True, "num_key_value_heads": 1, "tie_word_embeddings": True,
                                           "max_position_embeddings": 8, "rope_scaling": {"type": "dynamic", "factor": 3.0}, "rope_theta": 1000000},
    "internlm2_all_kv_linear_relu": {**INTERNLM2, "num_key_value_heads": 4, "rope_scaling": {"type": "linear", "factor": 2.0}, "hidden_act": "relu"},
    "gpt2_inner_erf_gelu_untied_unscaled": {**GPT2, "n_inner": 36, "activation_function": "gelu", "tie_word_embeddings": False, "scale_attn_weights": False},
    "gpt2_by_layer_epsilon": {**GPT2, "n_inner": None, "activation_function": "gelu_pytorch_tanh", "layer_norm_epsilon": 1e-3,
                              "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True},
    "gpt2_silu_one_head": {**GPT2, "n_head": 1, "n_layer": 3, "activation_function": "silu"},
}

if __name__ == "__main__":
    for number, (variant, config) in enumerate(VARIANTS.items()):
        make(variant, config, 4000 + number)
        print(variant)
