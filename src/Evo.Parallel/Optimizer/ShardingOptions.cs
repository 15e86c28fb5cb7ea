using Evo.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>How a <see cref="ShardedOptimizer"/> spreads what it holds, and when it communicates. Unless told otherwise: one rank.</summary>
public sealed record ShardingOptions
{
    /// <summary>Dtype of the weights that the model computes with: float32, bfloat16, float16 or float64.</summary>
    public ScalarType Dtype { get; init; } = ScalarType.Float32;

    /// <summary>Where the buffers are; null is the processor.</summary>
    public Device? Device { get; init; }

    /// <summary>The groups of each reduction class; this rank alone for a class that is not named.</summary>
    public IReadOnlyDictionary<ReductionClass, ReductionGroups> Groups { get; init; } = new Dictionary<ReductionClass, ReductionGroups>();

    /// <summary>A bucket is closed when it has so many elements.</summary>
    public long BucketElements { get; init; } = 1 << 25;

    /// <summary>How gradients reach their owners.</summary>
    public GradientReduction Reduction { get; init; } = GradientReduction.ReduceScatter;

    /// <summary>Dtype in which gradients are sent; null for that of the sums, float32 (float64 for a float64 model).</summary>
    public ScalarType? ReduceDtype { get; init; }

    /// <summary>Whether a bucket is reduced as soon as the last backward pass has left its blocks; needs the module's block events.</summary>
    public bool OverlapReduction { get; init; }

    /// <summary>Whether updated weights are waited for by the blocks that need them; needs the module's block events.</summary>
    public bool OverlapGather { get; init; }

    /// <summary>Whether weights and gradients are sharded, too, and whole for one block at a time (FSDP); needs the module's block events.</summary>
    public bool FullySharded { get; init; }

    /// <summary>How many blocks are gathered ahead of the one in use when parameters are fully sharded.</summary>
    public int GatherAhead { get; init; } = 1;

    /// <summary>
    /// Whether gradients are summed in the model's dtype, in the one buffer that backward passes write to. A step of one pass on one
    /// rank loses nothing by it, and saves a float32 for each weight; several passes or ranks sum with the rounding of that dtype.
    /// </summary>
    public bool NarrowSums { get; init; }

    /// <summary>
    /// Whether a bfloat16 weight is the upper half of its master weight, of which only the other half is kept beside it
    /// (<see cref="Evo.Torch.WeightHalves"/>): 2 bytes for each weight less, and no bit of a master weight is lost.
    /// </summary>
    public bool SplitMaster { get; init; }

    /// <summary>
    /// Whether a step begins with gradients of zeros, as what is recorded once and repeated needs them. Without it those of matrices are
    /// left as they are, and what a backward pass finds first is written there.
    /// </summary>
    public bool ZeroSums { get; init; }

    /// <summary>
    /// The sum of numbers over all ranks of the world, where they lie: every rank calls it at the same places and gets the same bits.
    /// </summary>
    public Func<Tensor, Tensor> SumOverWorld { get; init; } = own => own;

    /// <summary>The dynamic scale of the loss; null for none.</summary>
    public LossScaler? LossScaler { get; init; }

    internal ReductionGroups GroupsOf(ReductionClass kind) => Groups.TryGetValue(kind, out var groups) ? groups : ReductionGroups.Alone;

    internal ScalarType SumDtype => NarrowSums ? Dtype : StateDtype;

    internal ScalarType StateDtype => Dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;

    /// <exception cref="ArgumentException">What is asked for is none of the possible ones; all reasons at once.</exception>
    internal void Check()
    {
        var problems = new List<string>();
        if (Dtype is not (ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16 or ScalarType.Float64))
        {
            problems.Add($"Dtype = {Dtype}: a model trains in float32, bfloat16, float16 or float64");
        }

        if (ReduceDtype is { } reduce && reduce is not (ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16 or ScalarType.Float64))
        {
            problems.Add($"ReduceDtype = {reduce}: gradients are sent in float32, bfloat16, float16 or float64");
        }

        if (FullySharded && Reduction != GradientReduction.ReduceScatter)
        {
            problems.Add($"FullySharded with Reduction = {Reduction}: the gradients of a fully sharded block are reduced and scattered; use ReduceScatter");
        }

        if (FullySharded && NarrowSums)
        {
            problems.Add("FullySharded with NarrowSums: the gradients of a fully sharded block are summed in shards, in the optimizer's dtype");
        }

        if (SplitMaster && Dtype != ScalarType.BFloat16)
        {
            problems.Add($"SplitMaster with Dtype = {Dtype}: only a bfloat16 weight is half of a float32 one");
        }

        if (GatherAhead < 0)
        {
            problems.Add($"GatherAhead = {GatherAhead}: 0 or more blocks are gathered ahead");
        }

        if (problems.Count > 0)
        {
            throw new ArgumentException(string.Join("\n", problems));
        }
    }
}
