using Evo.Core;
using Evo.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// ZeRO 1.5: every rank holds all weights and gradients in one buffer each; the state of the optimizer is shared out. A
/// bucket's gradient goes to its owners once a step, and its updated weights come back.
/// </summary>
internal sealed class ReplicatedWeights : ClassShard
{
    private readonly Tensor? low;
    private readonly Tensor written;
    private readonly Dictionary<int, int> bucketOf = [];
    private readonly int[][] blocksOf;
    private readonly bool[] waitsForStage;
    private readonly HashSet<int> ended = [];
    private readonly bool[] begun;
    private readonly List<(int Bucket, BucketReduction Reduction)> underWay = [];
    private readonly List<(FlatRange Where, PendingTensor What)>[] arriving;
    private readonly bool[] summed;
    private readonly List<(Parameter Parameter, Tensor Gradient, IDisposable? Hook)> attached = [];
    private readonly UnwrittenSums? unwritten;

    internal ReplicatedWeights(FlatPlan plan, ShardingOptions options, Func<string, ShardedParameter> find)
        : base(plan, options)
    {
        Compute = Buffer(plan.Length, options.Dtype);
        // Blocks whose weights had arrived have begun their forward when others' arrive: that is no change of what their graphs saved.
        written = TensorStorage.Untracked(Compute).DetachFromDisposeScope();
        Gradient = Buffer(plan.Length, options.SumDtype);
        low = options.SumDtype != options.Dtype ? Buffer(plan.Length, options.Dtype) : null;
        var buckets = plan.Buckets.Count;
        (begun, waitsForStage, summed, blocksOf) = (new bool[buckets], new bool[buckets], new bool[buckets], new int[buckets][]);
        unwritten = options.ZeroSums ? null : new(plan, low ?? Gradient);
        arriving = [.. Enumerable.Range(0, buckets).Select(_ => new List<(FlatRange, PendingTensor)>())];
        for (var bucket = 0; bucket < buckets; bucket++)
        {
            blocksOf[bucket] = [.. plan.BlocksOf(bucket)];
            Array.ForEach(blocksOf[bucket], block => bucketOf[block] = bucket);
        }

        foreach (var slot in plan.Slots)
        {
            waitsForStage[slot.Bucket] |= find(slot.Name).WaitsForStage;
        }
    }

    internal override Tensor Compute { get; }

    private protected override Tensor Gradient { get; }

    internal override OptimizerBytes Bytes =>
        StateBytes with { Gradients = SizeOf(Gradient) + (low is null ? 0 : SizeOf(low)) };

    internal override Tensor WeightView(FlatSlot slot, IReadOnlyList<long> shape) => View(Compute, slot.Offset, slot.Length, shape);

    internal override void Attach(FlatSlot slot, Parameter parameter)
    {
        var gradient = View(low ?? Gradient, slot.Offset, slot.Length, parameter.shape).DetachFromDisposeScope();
        parameter.grad = gradient;
        attached.Add((parameter, gradient, unwritten is null || parameter.dim() < 2 ? null : GradientSums.CompleteBeforeAutograd(parameter, gradient)));
    }

    internal override void ZeroGradient()
    {
        for (var bucket = 0; bucket < begun.Length; bucket++)
        {
            Clear(bucket);
        }

        if (low is not null && Options.ZeroSums)
        {
            Gradient.zero_();
        }

        ended.Clear();
        Array.Clear(begun);
        Array.Fill(summed, Options.ZeroSums);
    }

    internal override void Accumulate()
    {
        for (var bucket = 0; bucket < begun.Length; bucket++)
        {
            if (!begun[bucket])
            {
                Complete(bucket);
            }
        }
    }

    internal override Tensor GradientOf(FlatSlot slot, IReadOnlyList<long> shape)
    {
        if (!begun[slot.Bucket])
        {
            Complete(slot.Bucket);
        }

        return View(Gradient, slot.Offset, slot.Length, shape);
    }

    internal override void AddToGradient(FlatSlot slot, Tensor more)
    {
        if (begun[slot.Bucket])
        {
            throw new InvalidOperationException(
                $"{slot.Name}: its gradient is under way to its owner already; a parameter that waits for another stage says so (WaitsForStage), and what that stage found is added before Finish");
        }

        using var sums = GradientOf(slot, more.shape);
        sums.add_(more);
    }

    internal override void Finish()
    {
        for (var bucket = begun.Length - 1; bucket >= 0; bucket--)
        {
            if (!begun[bucket])
            {
                Begin(bucket);
            }
        }

        while (underWay.Count > 0)
        {
            Arrive();
        }
    }

    internal override void ForgetReductions()
    {
        underWay.ForEach(begun => begun.Reduction.Abandon());
        underWay.Clear();
        ended.Clear();
        Array.Clear(begun);
    }

    internal override void BeforeForward(int block)
    {
        if (bucketOf.TryGetValue(block, out var bucket))
        {
            Arrive(bucket);
        }
    }

    internal override void AfterForward(int block)
    {
    }

    internal override void BeforeBackward(int block)
    {
    }

    internal override void AfterBackward(int block, bool last)
    {
        if (last && Options.OverlapReduction && bucketOf.TryGetValue(block, out var bucket))
        {
            ended.Add(block);
            if (!begun[bucket] && !waitsForStage[bucket] && blocksOf[bucket].All(ended.Contains))
            {
                Begin(bucket);
            }
        }
    }

    internal override void OpenWeights()
    {
        for (var bucket = 0; bucket < arriving.Length; bucket++)
        {
            Arrive(bucket);
        }
    }

    internal override void CloseWeights(bool changed)
    {
        if (changed)
        {
            CastToMaster();
        }
    }

    internal override void WeightsChanged()
    {
    }

    internal override void Write(FlatSlot slot, StateKind kind, Tensor whole)
    {
        if (kind == StateKind.Weight || (kind == StateKind.Master && !Mixed))
        {
            using var weights = WeightView(slot, whole.shape);
            weights.copy_(whole);
        }
        else
        {
            base.Write(slot, kind, whole);
        }
    }

    public override void Dispose()
    {
        foreach (var (parameter, gradient, hook) in attached)
        {
            hook?.Dispose();
            parameter.grad = null;
            gradient.Dispose();
        }

        unwritten?.Dispose();
        low?.Dispose();
        written.Dispose();
        Compute.Dispose();
        Gradient.Dispose();
        base.Dispose();
    }

    private protected override long At(FlatRange range) => range.Offset;

    private protected override void Updated(int bucket)
    {
        using var scope = NewDisposeScope();
        if (Groups.Zero.Size == 1)
        {
            return;
        }

        Tensor Part(FlatRange range) => Compute.narrow(0, range.Offset, range.Length);
        var site = new Site(OptimizerSites.Gather, false);
        if (Options.Reduction == GradientReduction.AllReduce)
        {
            for (var owner = 0; owner < Plan.Shards; owner++)
            {
                var range = Plan.RangeOf(bucket, owner);
                arriving[bucket].Add((range, Groups.Zero.StartBroadcast(Part(range), owner, site)));
            }
        }
        else
        {
            var all = new FlatRange(Plan.Buckets[bucket].Offset, 0, Plan.Buckets[bucket].Length);
            arriving[bucket].Add((all, Groups.Zero.StartAllGather(Part(Plan.RangeOf(bucket, Place)), 0, site)));
        }

        if (!Options.OverlapGather)
        {
            Arrive(bucket);
        }
    }

    // Updated weights of a bucket, from their owners.
    private void Arrive(int bucket)
    {
        foreach (var (where, what) in arriving[bucket])
        {
            using var scope = NewDisposeScope();
            written.narrow(0, where.Offset, where.Length).copy_(what.Wait());
        }

        arriving[bucket].Clear();
    }

    // A backward pass finds nothing in the gradients that it adds to.
    private void Clear(int bucket)
    {
        if (unwritten is not null)
        {
            unwritten.Clear(bucket);
            return;
        }

        using var all = OfBucket(low ?? Gradient, bucket);
        all.zero_();
    }

    // The sums of the bucket are there to be read and added to.
    private void Complete(int bucket)
    {
        if (low is not null)
        {
            Accumulate(bucket);
        }
        else
        {
            unwritten?.Complete(bucket);
        }
    }

    // Adds what passes left in the model's dtype, the first time in a step by writing it.
    private void Accumulate(int bucket)
    {
        unwritten?.Complete(bucket);
        using (var sums = OfBucket(Gradient, bucket))
        using (var added = OfBucket(low!, bucket))
        {
            _ = summed[bucket] ? sums.add_(added) : sums.copy_(added);
        }

        summed[bucket] = true;
        Clear(bucket);
    }

    private Tensor OfBucket(Tensor flat, int bucket) => flat.narrow(0, Plan.Buckets[bucket].Offset, Plan.Buckets[bucket].Length);

    // At most two buckets are under way: the one before is past its first collective, the one before that has arrived.
    private void Begin(int bucket)
    {
        Complete(bucket);
        begun[bucket] = true;
        var steps = Steps();
        if (steps.Count == 0)
        {
            return;
        }

        if (underWay.Count == 2)
        {
            Arrive();
        }

        if (underWay.Count == 1)
        {
            underWay[0].Reduction.Advance();
        }

        using var scope = NewDisposeScope();
        var sent = ToSend(Gradient.narrow(0, Plan.Buckets[bucket].Offset, Plan.Buckets[bucket].Length));
        underWay.Add((bucket, new(sent, steps)));
    }

    private List<Func<Tensor, PendingTensor>> Steps()
    {
        var (zero, replica) = (Groups.Zero, Groups.Replica);
        Site first = new(OptimizerSites.Reduce, false), second = new(OptimizerSites.ReduceReplicas, false);
        var steps = new List<Func<Tensor, PendingTensor>>();
        if (Options.Reduction == GradientReduction.AllReduce && Groups.Whole is { } whole)
        {
            if (whole.Size > 1)
            {
                steps.Add(x => whole.StartAllReduce(x, ReduceOperation.Sum, first));
            }

            return steps;
        }

        if (zero.Size > 1)
        {
            steps.Add(
                Options.Reduction == GradientReduction.AllReduce
                    ? x => zero.StartAllReduce(x, ReduceOperation.Sum, first)
                    : x => zero.StartReduceScatter(x, 0, Shards.Sizes(x.shape[0], zero.Size), ReduceOperation.Sum, first));
        }

        if (replica.Size > 1)
        {
            steps.Add(x => replica.StartAllReduce(x, ReduceOperation.Sum, second));
        }

        return steps;
    }

    // The sums of the bucket that has been under way for the longest.
    private void Arrive()
    {
        using var scope = NewDisposeScope();
        var (bucket, reduction) = underWay[0];
        underWay.RemoveAt(0);
        using var sums = reduction.Complete();
        var range = Plan.RangeOf(bucket, Place);
        var own = sums.numel() == range.Length ? sums : sums.narrow(0, range.Offset - Plan.Buckets[bucket].Offset, range.Length);
        Gradient.narrow(0, range.Offset, range.Length).copy_(own);
    }
}
