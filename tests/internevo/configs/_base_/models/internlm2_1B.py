# InternLM2 1.8B.
model_type = "INTERNLM2_PUBLIC"

VOCAB_SIZE = 92544
HIDDEN_SIZE = 2048
NUM_ATTENTION_HEAD = 16
NUM_KV_ATTENTION_HEAD = 8
MLP_RATIO = 4
NUM_LAYER = 24
MULTIPLE_OF = 128

model = dict(
    checkpoint=0.2,
    num_attention_heads=NUM_ATTENTION_HEAD,
    num_kv_attention_heads=NUM_KV_ATTENTION_HEAD,
    embed_split_hidden=True,
    vocab_size=VOCAB_SIZE,
    embed_grad_scale=1,
    parallel_output=True,
    hidden_size=HIDDEN_SIZE,
    num_layers=NUM_LAYER,
    mlp_ratio=MLP_RATIO,
    apply_post_layer_norm=False,
    dtype="torch.bfloat16",
    norm_type="rmsnorm",
    use_flash_attn=True,
    num_chunks=1,
    no_bias=True,
    layer_norm_epsilon=1e-5,
    norm_head=True,
    adapt_hf=True,
    rope_base=1000000,
    multiple_of=MULTIPLE_OF,
)

parallel = dict(
    zero1=dict(size=8),
    tensor=dict(size=1, mode="mtp"),
    pipeline=dict(size=1, interleaved_overlap=True),
    weight=dict(size=1, overlap=True, memory_pool=True),
)
