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
                "data.use_packed_dataset", "data.packing \"unpacked\" says what false says; take true out"
                "data.valid_micro_num", "data.valid_rows bounds a validation"
                "data.empty_cache_and_diag_interval", "Evo needs no such pause; take it out"
                "data.min_length_dict", "data.min_lengths says this: [\"100 code/\"] for {\"code/\": 100}"
                "data.subset_name", "name the folder of the subset in data.train_folder"
                "data.use_shm", "tables of documents are mapped, and shared by all processes; take it out"
                "data.shm_path", "tables of documents are mapped, and shared by all processes; take it out"
                "data.seed", "the one key seed gives every random choice"
                "grad_scaler.fp16", "its keys stand in grad_scaler itself"
                "hybrid_zero_optimizer.zero_overlap_communication", "overlap_sync_grad says this"
                "hybrid_zero_optimizer.use_split_tensor_optim",
                "reduce says this: \"reduce_scatter\" splits every tensor evenly"
                "hybrid_zero_optimizer.all_gather_size", "not part of Evo; take it out"
                "hybrid_zero_optimizer.cpu_offload", "not part of Evo yet; take it out"
                "selective_checkpoint_offload", "not part of Evo yet; take it out"
                "cpu_offloading", "not part of Evo yet; take it out"
                "parallel.pipeline.interleaved_overlap", "always so: a send waits for nobody; take it out"
                "parallel.sequence_parallel", "parallel.tensor.mode says this"
                "parallel.sequence_2D", "not part of Evo yet; take it out"
                "parallel.expert_weight", "not part of Evo yet; take it out"
                "parallel.expert_zero1",
                "parallel.zero1 holds for experts too, cut down to what divides their ranks"
                "parallel.zero1.fsdp", "parallel.fsdp.enable says this"
                "parallel.weight.launch_allgather_before", "parallel.weight.prefetch says how far ahead"
                "parallel.weight.forward_overlap_per", "parallel.weight.prefetch counts layers; take it out"
                "parallel.weight.layer_fuse_isp_comm", "not part of Evo; take it out"
                "parallel.weight.early_reduce_scatter_release", "always so; take it out"
                "parallel.weight.memory_pool", "Evo needs none; take it out"
                "parallel.fsdp.mode", "there is one; take it out"
                "parallel.fsdp.init_method", "not part of Evo; take it out"
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
            ]

    /// Advice about a key of a section, by InternEvo's name of it.
    let about (path: string) (name: string) =
        match elsewhere.TryGetValue(if path = "" then name else path + "." + name) with
        | true, advice -> Some advice
        | _ -> None
