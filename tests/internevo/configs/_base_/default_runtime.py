# What runs have in common.
cudnn_deterministic = False
cudnn_benchmark = False

enable_tb = True

grad_scaler = dict(
    fp16=dict(initial_scale=2**16, min_scale=1, growth_interval=1000),
    growth_factor=2,
    backoff_factor=0.5,
    max_scale=2**24,
    hysteresis=2,
)

hybrid_zero_optimizer = dict(
    overlap_sync_grad=True,
    overlap_sync_param=False,
    reduce_bucket_size=512 * 1024 * 1024,
    clip_grad_norm=1.0,
)

beta2_scheduler = dict(init_beta2=0.95, c=0, cur_iter=-1)
loss = dict(label_smoothing=0)
use_fp32_norm = False
