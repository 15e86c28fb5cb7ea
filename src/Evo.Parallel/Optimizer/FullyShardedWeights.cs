using Evo.Core;
using Evo.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// FSDP: a rank keeps its part of the weights and gradients of each block. The whole block is there from before its forward
/// to after it, and again for its backward; the gradient of each backward pass is reduced, scattered and added to the part.
/// </summary>
internal sealed class FullyShardedWeights : ClassShard
{
    private readonly GatheredBlock[] blocks;
    private readonly Dictionary<int, int> bucketOf = [];
    private readonly Dictionary<int, List<int>> usedBy = [];
    private readonly int[] ownBlock;
    private readonly int[] lastBlock;
    private (int Bucket, BucketReduction Reduction)? underWay;
    private long peak;

    internal FullyShardedWeights(FlatPlan plan, ShardingOptions options, Func<string, ShardedParameter> find)
        : base(plan, options)
    {
        Compute = Buffer(plan.ShardLength, options.Dtype);
        Gradient = Buffer(plan.ShardLength, options.StateDtype);
        blocks = [.. plan.Buckets.Select(bucket => new GatheredBlock(bucket, options.Dtype, options.Device ?? CPU))];
        ownBlock = [.. plan.Buckets.Select(bucket => bucket.FirstBlock)];
        lastBlock = [.. ownBlock];
        for (var bucket = 0; bucket < ownBlock.Length; bucket++)
        {
            bucketOf[ownBlock[bucket]] = bucket;
            usedBy[ownBlock[bucket]] = [bucket];
        }

        foreach (var slot in plan.Slots)
        {
            if (find(slot.Name).UsedAlsoBy is { } also)
            {
                var users = usedBy.TryGetValue(also, out var known) ? known : usedBy[also] = [];
                if (!users.Contains(slot.Bucket))
                {
                    users.Insert(0, slot.Bucket);
                }

                lastBlock[slot.Bucket] = Math.Max(lastBlock[slot.Bucket], also);
            }
        }
    }

    internal override Tensor Compute { get; }

    private protected override Tensor Gradient { get; }

    internal override OptimizerBytes Bytes => StateBytes with { Gathered = GatheredBytes, PeakGathered = peak };

    internal override Tensor WeightView(FlatSlot slot, IReadOnlyList<long> shape) => blocks[slot.Bucket].View(slot, shape);

    internal override void Attach(FlatSlot slot, Parameter parameter) => blocks[slot.Bucket].Attach(slot, parameter);

    internal override void ZeroGradient()
    {
        Gradient.zero_();
        peak = GatheredBytes;
        Array.ForEach(blocks, block => block.TakeGradient()?.Dispose());
    }

    internal override void Accumulate()
    {
    }

    /// <summary>What the ranks of the zero group found together, so far: their sum is all that is kept.</summary>
    internal override Tensor GradientOf(FlatSlot slot, IReadOnlyList<long> shape)
    {
        Arrive();
        return Read(slot, shape, StateKind.Gradient);
    }

    internal override void AddToGradient(FlatSlot slot, Tensor more)
    {
        using var scope = NewDisposeScope();
        var piece = Plan.PieceOf(slot, Place);
        Gradient.narrow(0, At(piece.Range), piece.Range.Length).add_(more.reshape(-1).narrow(0, piece.Start, piece.Range.Length));
    }

    internal override void Finish()
    {
        for (var bucket = blocks.Length - 1; bucket >= 0; bucket--)
        {
            Reduce(bucket);
        }

        Arrive();
        if (Groups.Replica.Size > 1)
        {
            using var scope = NewDisposeScope();
            var sent = ToSend(Gradient.alias());
            Gradient.copy_(Groups.Replica.AllReduce(sent, ReduceOperation.Sum, new(OptimizerSites.ReduceReplicas, false)));
        }
    }

    internal override void BeforeForward(int block)
    {
        Gather(block);
        Ahead(block, 1);
    }

    internal override void AfterForward(int block)
    {
        // Weights that a later block reads, too, stay: for that block, and where there will be a backward pass until it is over.
        foreach (var bucket in UsedBy(block))
        {
            if (lastBlock[bucket] == block && (ownBlock[bucket] == block || !is_grad_enabled()))
            {
                blocks[bucket].Free();
            }
        }
    }

    internal override void BeforeBackward(int block)
    {
        Gather(block);
        foreach (var bucket in UsedBy(block))
        {
            blocks[bucket].OpenGradient();
        }

        Ahead(block, -1);
    }

    internal override void AfterBackward(int block, bool last)
    {
        if (bucketOf.TryGetValue(block, out var bucket))
        {
            Reduce(bucket);
            blocks[bucket].Free();
            if (!Options.OverlapReduction)
            {
                Arrive();
            }
        }
    }

    internal override void OpenWeights()
    {
        for (var bucket = 0; bucket < blocks.Length; bucket++)
        {
            Begin(bucket);
            Fill(bucket);
        }
    }

    internal override void CloseWeights(bool changed)
    {
        for (var bucket = 0; bucket < blocks.Length; bucket++)
        {
            if (changed)
            {
                using var scope = NewDisposeScope();
                var range = Plan.RangeOf(bucket, Place);
                Compute.narrow(0, range.State, range.Length)
                    .copy_(blocks[bucket].Weights.narrow(0, range.Offset - Plan.Buckets[bucket].Offset, range.Length));
            }

            blocks[bucket].Free();
        }

        if (changed)
        {
            CastToMaster();
        }
    }

    internal override void WeightsChanged() => Array.ForEach(blocks, block => block.Free());

    public override void Dispose()
    {
        Array.ForEach(blocks, block => block.Dispose());
        Compute.Dispose();
        Gradient.Dispose();
        base.Dispose();
    }

    private protected override long At(FlatRange range) => range.State;

    private protected override void Updated(int bucket) => blocks[bucket].Free();

    // What is under way has its memory already.
    private long GatheredBytes => blocks.Sum(block => block.HasBegun ? block.Bytes : 0);

    private IReadOnlyList<int> UsedBy(int block) => usedBy.TryGetValue(block, out var buckets) ? buckets : [];

    private void Gather(int block)
    {
        foreach (var bucket in UsedBy(block))
        {
            Begin(bucket);
            Fill(bucket);
        }
    }

    // The blocks that come next are under way while this one computes.
    private void Ahead(int block, int direction)
    {
        for (var i = 1; i <= Options.GatherAhead; i++)
        {
            if (bucketOf.TryGetValue(block + i * direction, out var next))
            {
                Begin(next);
            }
        }
    }

    private void Begin(int bucket)
    {
        if (!blocks[bucket].HasBegun)
        {
            var range = Plan.RangeOf(bucket, Place);
            blocks[bucket].Begin(Compute.narrow(0, range.State, range.Length), Groups.Zero);
            peak = Math.Max(peak, GatheredBytes);
        }
    }

    private void Fill(int bucket)
    {
        if (!blocks[bucket].IsWhole)
        {
            blocks[bucket].Fill();
        }
    }

    // One bucket is under way at a time: its whole gradient is freed when the next one begins.
    private void Reduce(int bucket)
    {
        if (blocks[bucket].TakeGradient() is not { } gradient)
        {
            return;
        }

        Arrive();
        var zero = Groups.Zero;
        underWay = (bucket, new(
            ToSend(gradient),
            [x => zero.StartReduceScatter(x, 0, Shards.Sizes(x.shape[0], zero.Size), ReduceOperation.Sum, new(OptimizerSites.Reduce, false))]));
    }

    private void Arrive()
    {
        if (underWay is var (bucket, reduction))
        {
            underWay = null;
            using var scope = NewDisposeScope();
            using var sums = reduction.Complete();
            var range = Plan.RangeOf(bucket, Place);
            Gradient.narrow(0, range.State, range.Length).add_(sums);
        }
    }
}
