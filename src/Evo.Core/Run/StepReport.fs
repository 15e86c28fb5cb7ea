namespace Evo.Core

open System
open System.Collections.Generic

/// What was learned of documents of one type.
type TypeLoss =
    {
        /// The type's name.
        Type: string
        /// Labels that count.
        Targets: int64
        /// Their mean cross-entropy, in nats.
        Loss: float
        /// Part of them that no other token's logit was above.
        Accuracy: float
    }

/// What one successful optimizer step reports, under InternEvo's names where it reports the same thing.
type StepReport =
    {
        /// Successful optimizer steps so far, this one included.
        Step: int64
        /// Batches read so far, this one included: steps, plus skipped batches.
        Batch: int64
        /// Mean cross-entropy of the step's labelled tokens, in nats.
        Loss: float
        /// Part of the labels that no other token's logit was above: guessed right.
        Accuracy: float
        /// The learning rate that the step used.
        Lr: float
        /// The beta2 that the step used.
        AdamBeta2: float
        /// What the loss was multiplied by for the backward pass; 1 but in float16.
        LossScale: float
        /// Norm of all gradients together, before clipping.
        GradNorm: float
        /// Micro-batches of the step.
        MicroNum: int
        /// Tokens of the step, ignored labels included, over all ranks.
        Tokens: int64
        /// Tokens of the step that have a label, over all ranks.
        RealTokens: int64
        /// Tokens of all successful steps so far.
        ConsumedTokens: int64
        /// Steps skipped so far because a gradient was not finite.
        InfNanSkipBatches: int64
        /// Segments (documents, or parts of them) in the step's rows.
        SamplesInBatch: int64
        /// Tokens of the longest segment of the step.
        LargestLength: int
        /// Most segments in one row of the step.
        LargestBatch: int
        /// Fewest segments in one row of the step.
        SmallestBatch: int
        /// Seconds of the whole step.
        StepSeconds: float
        /// Seconds of the forward and backward passes.
        ForwardBackwardSeconds: float
        /// Seconds of the backward passes.
        BackwardSeconds: float
        /// Seconds spent waiting for rows of data.
        DataWaitSeconds: float
        /// Seconds of the gradient norm, clipping and the optimizer's update.
        OptimizerSeconds: float
        /// Seconds since the run began, or was resumed.
        WallSeconds: float
        /// Seconds for which training waited for checkpoints since the step before: copies out of the device, and commits.
        SaveSeconds: float
        /// Tokens per second and rank.
        Throughput: Throughput
        /// 10^12 operations per second and rank in Megatron's convention (see `MegatronFlops`).
        Tflops: float
        /// 10^12 operations per second and rank of the model itself: causal attention, grouped heads, no recomputation.
        ModelTflops: float
        /// Most bytes of tensors alive at once in the step; 0 where it was not measured.
        PeakBytes: int64
        /// Mean cross-entropy of the validation that followed the step, in nats; unset where there was none.
        ValidLoss: Nullable<float>
        /// Part of the validation's labels that was guessed right.
        ValidAccuracy: Nullable<float>
        /// The loss of each type of document that the step read, where the data has several.
        TypeLosses: IReadOnlyList<TypeLoss>
        /// The same of the validation.
        ValidTypeLosses: IReadOnlyList<TypeLoss>
        /// What routers add to the minimised loss, coefficients applied, mean over the micro-batches; `Loss` is without it.
        /// Unset for a model without experts.
        MoeLoss: Nullable<float>
        /// What the head's z-loss adds to the minimised loss, its coefficient applied, mean over the same tokens; `Loss` is without it.
        /// Unset where the run has none.
        ZLoss: Nullable<float>
    }

    /// e to the loss.
    member report.Perplexity = Math.Exp report.Loss

    /// Name and value of every metric, in the order in which InternEvo logs them; Evo's own follow.
    member report.Metrics: (string * float) list =
        let speed = report.Throughput

        [
            "tflops", report.Tflops
            "step", float report.Step
            "loss", report.Loss
            "real_tgs", speed.RealTgs
            "tgs (tokens/gpu/second)", speed.LastTgs1
            "tgs/last_tgs_1", speed.LastTgs1
            "tgs/tgs_all", speed.TgsAll
            "tgs/tgs_avg", speed.TgsAvg
            "tgs/tgs_SMA", speed.TgsSma
            "tgs/last_tgs_10", speed.LastTgs10
            "tgs/last_tgs_50", speed.LastTgs50
            "lr", report.Lr
            "loss_scale", report.LossScale
            "grad_norm", report.GradNorm
            if report.MoeLoss.HasValue then
                "moe_loss", report.MoeLoss.Value
            if report.ZLoss.HasValue then
                "z_loss", report.ZLoss.Value
            "micro_num", float report.MicroNum
            "num_consumed_tokens", float report.ConsumedTokens
            "inf_nan_skip_batches", float report.InfNanSkipBatches
            "num_samples_in_batch", float report.SamplesInBatch
            "largest_length", float report.LargestLength
            "largest_batch", float report.LargestBatch
            "smallest_batch", float report.SmallestBatch
            "adam_beta2", report.AdamBeta2
            "fwd_bwd_time", report.ForwardBackwardSeconds
            "bwd_time", report.BackwardSeconds
            "acc", report.Accuracy
            "perplexity", report.Perplexity
            for kind in report.TypeLosses do
                "acc/" + kind.Type, kind.Accuracy
                "tokens/" + kind.Type, float kind.Targets
                "loss/" + kind.Type, kind.Loss
            "batch_count", float report.Batch
            "tokens", float report.Tokens
            "real_tokens", float report.RealTokens
            "step_time", report.StepSeconds
            "wall_time", report.WallSeconds
            "model_tflops", report.ModelTflops
            "data_wait", report.DataWaitSeconds
            "optimizer_time", report.OptimizerSeconds
            "save_time", report.SaveSeconds
            "peak_bytes", float report.PeakBytes
            if report.ValidLoss.HasValue then
                "valid_loss", report.ValidLoss.Value
            if report.ValidAccuracy.HasValue then
                "valid_acc", report.ValidAccuracy.Value
            for kind in report.ValidTypeLosses do
                "valid_loss/" + kind.Type, kind.Loss
                "valid_acc/" + kind.Type, kind.Accuracy
        ]

    /// One line of `metrics.jsonl`, without the newline. A number that JSON cannot hold is written as null.
    member report.ToJson() =
        let value (number: float) =
            if Double.IsFinite number then
                JNumber(Json.number number)
            else
                JNull

        report.Metrics
        |> List.map (fun (name, number) -> name, Json.make (value number))
        |> Json.makeObject
        |> Json.compact
