namespace Evo.Core

open System

/// The rules between keys.
module internal Rules =

    let private names (run: RunConfig) =
        [
            if
                run.JobName = ""
                || run.JobName
                   |> Seq.exists (fun c -> not (Char.IsAsciiLetterOrDigit c || ".-_".Contains c))
            then
                broken
                    "job_name"
                    []
                    "must consist of letters, digits, '.', '-' and '_', for it names a folder"
                    ""
            elif run.JobName.TrimStart('.') = "" then
                broken "job_name" [] "must name a folder" ""
        ]

    let private preparation (run: RunConfig) =
        let prepared = run.Prepare.Source <> "none"

        [
            if run.Prepare.Source = "text" && isNull run.Prepare.Input then
                broken "prepare.input" [ "prepare.source" ] "must be given when prepare.source is \"text\"" ""
            if run.Prepare.Source <> "text" && not (isNull run.Prepare.Input) then
                broken
                    "prepare.input"
                    [ "prepare.source" ]
                    $"is not read when prepare.source is \"{run.Prepare.Source}\""
                    "set prepare.source to \"text\", or take it out"
            if
                not (isNull run.Train.SamplePrompt)
                && isNull run.Data.TokenizerPath
                && not prepared
            then
                broken
                    "train.sample_prompt"
                    [ "data.tokenizer_path"; "prepare.source" ]
                    "needs a tokenizer"
                    "set data.tokenizer_path"
        ]

    let private optimizer (run: RunConfig) =
        let total = run.LrScheduler.TotalSteps.GetValueOrDefault run.Data.TotalSteps

        let rise =
            run.LrScheduler.InitSteps + int64 (float total * run.LrScheduler.WarmupRatio)

        let schedule =
            [ "lr_scheduler.total_steps"; "data.total_steps"; "lr_scheduler.warmup_ratio" ]

        [
            for path, beta in [ "adam.adam_beta1", run.Adam.AdamBeta1; "adam.adam_beta2", run.Adam.AdamBeta2 ] do
                if beta = 1.0 then
                    broken path [] "must be less than 1" ""
            if run.Adam.AdamEps = 0.0 then
                broken "adam.adam_eps" [] "must be greater than 0" "1e-8 is usual"
            if rise > total then
                broken
                    "lr_scheduler.init_steps"
                    schedule
                    $"leaves no room: initial steps and warm-up take {rise} of {total} steps"
                    ""
            if run.LrScheduler.Type <> "constant" && run.LrScheduler.EtaMin > run.Adam.Lr then
                broken
                    "lr_scheduler.eta_min"
                    [ "adam.lr"; "lr_scheduler.type" ]
                    $"must not be above adam.lr, {Json.number run.Adam.Lr}"
                    ""
        ]

    let private checkpoints (run: RunConfig) =
        let load = run.Ckpt.LoadCkptInfo

        [
            for key, every in
                [
                    "ckpt.checkpoint_every", run.Ckpt.CheckpointEvery
                    "ckpt.snapshot_every", run.Ckpt.SnapshotEvery
                ] do
                if not run.Ckpt.EnableSaveCkpt && every > 0L then
                    broken
                        key
                        [ "ckpt.enable_save_ckpt" ]
                        "would have no effect: ckpt.enable_save_ckpt is false"
                        "take out one of the two"
            if run.Ckpt.KeepEvery > 0L && run.Ckpt.KeepLast = 0 then
                broken
                    "ckpt.keep_every"
                    [ "ckpt.keep_last" ]
                    "would have no effect: ckpt.keep_last = 0 keeps every checkpoint"
                    "set ckpt.keep_last, or take it out"
            if load.Content.IsEmpty then
                broken "ckpt.load_ckpt_info.content" [] "must name what to load" "for example [\"all\"]"
            if load.CkptType <> "evo" && load.Content <> [ "model" ] && not (isNull load.Path) then
                broken
                    "ckpt.load_ckpt_info.content"
                    [ "ckpt.load_ckpt_info.ckpt_type" ]
                    (if load.CkptType = "hf" then
                         "a Hugging Face folder holds the model only"
                     else
                         "of InternEvo's checkpoints only the model is read")
                    "use [\"model\"]"
            if load.QkInterleaved.HasValue && load.CkptType <> "internevo" then
                broken
                    "ckpt.load_ckpt_info.qk_interleaved"
                    [ "ckpt.load_ckpt_info.ckpt_type" ]
                    $"is not read when ckpt.load_ckpt_info.ckpt_type is \"{load.CkptType}\""
                    "take it out"
        ]

    let private layoutKeys =
        [
            "model.checkpoint"
            "model.num_chunks"
            "data.micro_num"
            "data.rampup_batch_size"
            "hybrid_zero_optimizer.reduce"
            "selective_checkpoint"
            "parallel.zero1.size"
            "parallel.tensor.size"
            "parallel.tensor.mode"
            "parallel.pipeline.size"
            "parallel.pipeline.mode"
            "parallel.weight.size"
            "parallel.expert.size"
            "parallel.fsdp.enable"
            "parallel.fsdp.size"
        ]

    /// What is chosen for each layer, and the memory that it is chosen for.
    let private recomputation (run: RunConfig) =
        let auto = run.Model.Checkpoint = Auto

        [
            if auto && run.SelectiveCheckpoint then
                broken
                    "selective_checkpoint"
                    [ "model.checkpoint" ]
                    "is not read: model.checkpoint = \"auto\" chooses for each layer whether it keeps what attention gave"
                    "take it out"
            if auto && run.Train.Device = "cpu" && not run.Train.MemoryBudget.HasValue then
                broken
                    "train.memory_budget"
                    [ "model.checkpoint"; "train.device" ]
                    "must be given: model.checkpoint = \"auto\" chooses what fits it, and a CPU does not say how much of its memory a rank may take"
                    "the memory of each rank in GiB"
            if not auto && run.Train.MemoryBudget.HasValue then
                broken
                    "train.memory_budget"
                    [ "model.checkpoint" ]
                    "is not read: nothing is chosen for it where model.checkpoint is a fraction"
                    "set model.checkpoint to \"auto\", or take it out"
        ]

    /// How the optimizer keeps what it has for each weight.
    let private states (run: RunConfig) =
        let dtype = run.Model.ElementType

        [
            if run.HybridZeroOptimizer.SplitMaster && dtype <> DType.BF16 then
                broken
                    "hybrid_zero_optimizer.split_master"
                    [ "model.dtype" ]
                    "is for bfloat16 weights, which are the upper halves of float32 ones"
                    "set model.dtype to \"bfloat16\", or take it out"
            if run.HybridZeroOptimizer.NarrowSums && (dtype = DType.F32 || dtype = DType.F64) then
                broken
                    "hybrid_zero_optimizer.narrow_sums"
                    [ "model.dtype" ]
                    "has no effect: gradients are summed in the model's element type as it is"
                    "take it out"
            if run.HybridZeroOptimizer.NarrowSums && run.Parallel.Fsdp.Enable then
                broken
                    "hybrid_zero_optimizer.narrow_sums"
                    [ "parallel.fsdp.enable" ]
                    "is for gradients that a rank has whole; those of parallel.fsdp are summed in shards, in the optimizer's element type"
                    "take it out"
        ]

    /// What speaks against the layout, as far as it can be said before the number of ranks is known.
    let private ranks (run: RunConfig) =
        [
            for problem in RunLayout.KnownProblems run do
                broken problem.Path layoutKeys problem.Rule problem.Hint
            match run.Train.Backend, run.Train.Device with
            | "nccl", "cpu" ->
                broken "train.backend" [ "train.device" ] "is for GPUs, and train.device is cpu" "use gloo"
            | "gloo", "cuda" ->
                broken "train.backend" [ "train.device" ] "is for CPUs, and train.device is cuda" "use nccl"
            | _ -> ()
            if
                not run.Parallel.Fsdp.Enable
                && run.Parallel.Fsdp.Size < 1
                && run.Parallel.Fsdp.Size <> -1
            then
                broken "parallel.fsdp.size" [] "must be at least 1, or -1 for all data-parallel ranks" ""
            match run.Data.RampupBatchSize.Trim(), RampUp.TryParse run.Data.RampupBatchSize with
            | "", _ -> ()
            | _, None ->
                broken
                    "data.rampup_batch_size"
                    []
                    "must be three whole numbers above 0: start, increment, batches between two rises"
                    "for example \"2 2 100\""
            | _, Some ramp when ramp.Start > run.Data.MicroNum ->
                broken
                    "data.rampup_batch_size"
                    [ "data.micro_num" ]
                    $"starts above data.micro_num = {run.Data.MicroNum}"
                    ""
            | _, Some ramp when (run.Data.MicroNum - ramp.Start) % ramp.Increment <> 0 ->
                broken
                    "data.rampup_batch_size"
                    [ "data.micro_num" ]
                    $"does not reach data.micro_num = {run.Data.MicroNum}: {run.Data.MicroNum - ramp.Start} is no multiple of {ramp.Increment}"
                    ""
            | _ -> ()
        ]

    let private precision (run: RunConfig) =
        let scaler = run.GradScaler

        [
            match run.ReduceCommDtype, run.Model.Dtype with
            | null, _ -> ()
            | reduce, model when reduce = model -> ()
            | "float32", ("bfloat16" | "float16") -> ()
            | _, model ->
                let right =
                    match model with
                    | "bfloat16"
                    | "float16" -> $"use \"{model}\" or \"float32\""
                    | _ -> $"use \"{model}\""

                broken
                    "reduce_comm_dtype"
                    [ "model.dtype" ]
                    $"must hold what the model computes in {model}"
                    right
            if scaler.MinScale > scaler.MaxScale then
                broken
                    "grad_scaler.min_scale"
                    [ "grad_scaler.max_scale" ]
                    $"must not be above grad_scaler.max_scale, {Json.number scaler.MaxScale}"
                    ""
            elif scaler.InitialScale < scaler.MinScale || scaler.InitialScale > scaler.MaxScale then
                broken
                    "grad_scaler.initial_scale"
                    [ "grad_scaler.min_scale"; "grad_scaler.max_scale" ]
                    $"must be from grad_scaler.min_scale to grad_scaler.max_scale, {Json.number scaler.MinScale} to {Json.number scaler.MaxScale}"
                    ""
            if scaler.BackoffFactor = 0.0 then
                broken "grad_scaler.backoff_factor" [] "must be greater than 0" "0.5 is usual"
        ]

    let private monitor (run: RunConfig) =
        let alert = run.Monitor.Alert

        let isAddress (text: string | null) =
            match Uri.TryCreate(text, UriKind.Absolute) with
            | true, (NonNull address) ->
                address.Scheme = Uri.UriSchemeHttp || address.Scheme = Uri.UriSchemeHttps
            | _ -> false

        [
            for name, address in
                [
                    "webhook_address", alert.WebhookAddress
                    "feishu_alert_address", alert.FeishuAlertAddress
                ] do
                if not (isNull address) && not (isAddress address) then
                    broken
                        $"monitor.alert.{name}"
                        []
                        "must be an address that begins with http:// or https://"
                        ""
            if
                run.Monitor.Prometheus.Port > 0
                && (match Uri.CheckHostName run.Monitor.Prometheus.Address with
                    | UriHostNameType.IPv4
                    | UriHostNameType.IPv6 -> false
                    | _ -> true)
            then
                broken "monitor.prometheus.address" [] "must be an address of this host" "for example 0.0.0.0"
            if alert.EnableFeishuAlert && isNull alert.FeishuAlertAddress then
                broken
                    "monitor.alert.enable_feishu_alert"
                    []
                    "needs monitor.alert.feishu_alert_address"
                    "give the address of the robot's web hook"
        ]

    /// All rules that a run breaks.
    let check (run: RunConfig) : BrokenRule list =
        names run
        @ DataRules.check run
        @ preparation run
        @ optimizer run
        @ precision run
        @ checkpoints run
        @ states run
        @ ranks run
        @ recomputation run
        @ monitor run
