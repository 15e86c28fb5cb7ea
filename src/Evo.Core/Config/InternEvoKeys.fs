namespace Evo.Core

/// What to say about keys that people bring along from InternEvo's configurations and that mean something else here, or
/// nothing yet. Silence would be the worst answer.
module internal InternEvoKeys =

    let private elsewhere =
        dict
            [
                "data.gradient_accumulation", "Evo takes it from data.micro_num; take it out"
                "data.packed_length", "it is always data.seq_len x data.micro_bsz; take it out"
                "data.batch_size", "Evo takes it from data.micro_num; take it out"
                "data.use_packed_dataset", "rows are always packed; take it out"
                "data.valid_micro_num", "data.valid_rows bounds a validation"
                "data.empty_cache_and_diag_interval", "Evo needs no such pause; take it out"
                "data.num_worker", "rows are read from memory-mapped files; take it out"
                "data.rampup_batch_size", "not part of Evo yet; take it out"
                "data.min_length_dict", "not part of Evo yet; data.min_length holds for all files"
                "data.seed", "the one key seed gives every random choice"
                "grad_scaler", "bfloat16 and float32 need no loss scale; take it out"
                "monitor", "not part of Evo yet; take it out"
                "generation", "options of evo generate say this"
                "hf", "not part of Evo"
                "tensorboard_folder", "metrics.jsonl in the run folder holds every metric"
                "enable_tb", "metrics.jsonl in the run folder holds every metric"
                "cudnn_deterministic", "train.deterministic says this"
                "cudnn_benchmark", "not part of Evo; take it out"
                "use_fp32_norm", "norms always compute in float32 or better; take it out"
                "ckpt.load_ckpt_folder", "ckpt.load_ckpt_info says this"
                "ckpt.load_model_only_folder", "ckpt.load_ckpt_info with content [\"model\"] says this"
                "ckpt.oss_snapshot_freq",
                "every checkpoint is committed by one rename; use ckpt.checkpoint_every"
                "ckpt.async_upload", "not part of Evo yet; take it out"
                "ckpt.stop_file_path", "not part of Evo; send SIGTERM, which saves and stops"
                "hybrid_zero_optimizer.overlap_sync_grad", "not part of Evo yet; take it out"
                "hybrid_zero_optimizer.overlap_sync_param", "not part of Evo yet; take it out"
                "hybrid_zero_optimizer.reduce_bucket_size", "not part of Evo yet; take it out"
                "lr_scheduler.last_epoch", "a resumed run knows its step; take it out"
                "model.use_flash_attn", "Evo picks the fastest attention itself; take it out"
                "model.parallel_output", "not part of Evo yet; take it out"
                "model.no_bias", "bias, or qkv_bias, says this the other way round"
                "model.use_swiglu", "hidden_act says this: silu, or gelu_pytorch_tanh for false"
                "model.add_unit_offset", "the family GEMMA always has it, others never; take it out"
                "model.use_dynamic_ntk_rope",
                "rope_scaling of type dynamic says this; of INTERNLM, rope_type \"dynamic\""
                "model.qk_interleaved",
                "halves of a head are turned against each other, as false says; take it out"
                "model.adapt_hf", "halves of a head are turned against each other, as true says; take it out"
                "model.num_chunks", "not part of Evo yet; take it out"
            ]

    /// Advice about a key of a section, by InternEvo's name of it.
    let about (path: string) (name: string) =
        match elsewhere.TryGetValue(if path = "" then name else path + "." + name) with
        | true, advice -> Some advice
        | _ -> None
