/// What a plan of flat buffers costs in bytes.
namespace Evo.Core

open System.Runtime.CompilerServices

[<Extension; Sealed; AbstractClass>]
type FlatMemory =
    /// The dtype of gradient sums, moments and master weights of a model in a dtype.
    static member StateType(dtype: DType) =
        if dtype = DType.F64 then DType.F64 else DType.F32

    /// Bytes of one element.
    static member SizeOf(dtype: DType) : int64 =
        match dtype with
        | DType.F64
        | DType.I64 -> 8L
        | DType.F32
        | DType.I32 -> 4L
        | DType.F16
        | DType.BF16 -> 2L
        | _ -> 1L

    /// What each of the ranks holds. With n elements in the buffer, z ranks that share them, c bytes for an element of the
    /// model and s for one of the optimizer: weights n·c and gradients n·s, or n·(c + s) where the dtypes differ; moments
    /// 2·n·s/z; master weights n·s/z where the dtypes differ, n·(s − c)/z where they are kept in halves. Fully sharded, weights are
    /// n·c/z and gradients n·s/z. Summed in the model's dtype, gradients are n·c.
    /// <param name="plan">The plan.</param>
    /// <param name="dtype">Dtype of the model: float64, float32, bfloat16 or float16.</param>
    /// <param name="fullySharded">Whether weights and gradients are kept in shards, too.</param>
    /// <param name="narrowSums">Whether gradients are summed in the model's dtype; not with shards of them.</param>
    /// <param name="splitMaster">Whether of master weights only what the model's weights lack of them is kept.</param>
    [<Extension>]
    static member Bytes
        (plan: FlatPlan, dtype: DType, fullySharded: bool, narrowSums: bool, splitMaster: bool)
        : FlatBytes =
        let state = FlatMemory.StateType dtype
        let mixed = state <> dtype
        let held = if fullySharded then plan.ShardLength else plan.Length

        let gradient =
            if mixed && narrowSums then
                FlatMemory.SizeOf dtype
            elif mixed && not fullySharded then
                FlatMemory.SizeOf state + FlatMemory.SizeOf dtype
            else
                FlatMemory.SizeOf state

        {
            Parameters = held * FlatMemory.SizeOf dtype
            Gradients = held * gradient
            OptimizerState = 2L * plan.ShardLength * FlatMemory.SizeOf state
            Master =
                if mixed && splitMaster then
                    plan.ShardLength * (FlatMemory.SizeOf state - FlatMemory.SizeOf dtype)
                elif mixed then
                    plan.ShardLength * FlatMemory.SizeOf state
                else
                    0L
        }

    /// The most bytes of whole weights at one time when fully sharded blocks come and go: so many neighbours and the block
    /// in use.
    /// <param name="plan">A plan with a bucket for each block.</param>
    /// <param name="dtype">Dtype of the model.</param>
    /// <param name="ahead">How many blocks are gathered ahead.</param>
    [<Extension>]
    static member GatheredBytes(plan: FlatPlan, dtype: DType, ahead: int) : int64 =
        plan.Buckets
        |> Seq.map _.Length
        |> Seq.append (Seq.replicate ahead 0L)
        |> Seq.windowed (ahead + 1)
        |> Seq.map Array.sum
        |> Seq.append [ 0L ]
        |> Seq.max
        |> (*) (FlatMemory.SizeOf dtype)
