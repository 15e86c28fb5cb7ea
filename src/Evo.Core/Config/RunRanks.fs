namespace Evo.Core

open System
open System.Runtime.CompilerServices

/// What the keys of a run come to for one of its ranks.
[<Extension; AbstractClass; Sealed>]
type RunRanks private () =

    /// Micro-batches of a step on each of so many data-parallel ranks.
    [<Extension>]
    static member MicroBatchesOn(run: RunConfig, dataRanks: int) : int =
        if run.Data.RowsPerStep.HasValue then
            run.Data.RowsPerStep.Value / max 1 dataRanks
        else
            run.Data.MicroNum

    /// The element type in which gradients travel; none where it is that of their sums.
    [<Extension>]
    static member ReduceElementType(run: RunConfig) : Nullable<DType> =
        match run.ReduceCommDtype with
        | null -> Nullable()
        | "bfloat16" -> Nullable DType.BF16
        | "float16" -> Nullable DType.F16
        | "float64" -> Nullable DType.F64
        | _ -> Nullable DType.F32

    /// The rules of the loss scale.
    [<Extension>]
    static member LossScaleRules(run: RunConfig) : LossScaleRules =
        let scaler = run.GradScaler

        {
            InitialScale = scaler.InitialScale
            MinScale = scaler.MinScale
            MaxScale = scaler.MaxScale
            GrowthFactor = scaler.GrowthFactor
            BackoffFactor = scaler.BackoffFactor
            GrowthInterval = scaler.GrowthInterval
            Hysteresis = int64 scaler.Hysteresis
        }
