using Evo.Core;
using Evo.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// What one rank holds of the parameters of one reduction class: the moments and master weights of what it owns, and as much
/// of weights and gradients as the derived class keeps. Norm and update touch owned elements only.
/// </summary>
internal abstract class ClassShard : IDisposable
{
    private readonly Tensor expAvg;
    private readonly Tensor expAvgSq;
    private readonly MasterWeights? master;

    private protected ClassShard(FlatPlan plan, ShardingOptions options)
    {
        (Plan, Options, Groups) = (plan, options, options.GroupsOf(plan.Class));
        Runs = plan.RunsOf(Place);
        expAvg = Buffer(plan.ShardLength, options.StateDtype);
        expAvgSq = Buffer(plan.ShardLength, options.StateDtype);
        master = Mixed ? new(Buffer(plan.ShardLength, options.SplitMaster ? ScalarType.Int16 : options.StateDtype)) : null;
    }

    /// <summary>Where everything stands.</summary>
    internal FlatPlan Plan { get; }

    /// <summary>Whether gradients are summed with those of other ranks.</summary>
    internal bool SumsOverRanks => Groups.Zero.Size > 1 || Groups.Replica.Size > 1;

    private protected ShardingOptions Options { get; }

    private protected ReductionGroups Groups { get; }

    private protected IReadOnlyList<FlatRun> Runs { get; }

    /// <summary>This rank's place among those that share the elements.</summary>
    private protected int Place => Groups.Zero.Rank;

    private protected bool Mixed => Options.Dtype != Options.StateDtype;

    /// <summary>This rank's place among those that own the same elements, and their number.</summary>
    internal (int Place, int Count) Replicas => (Groups.Replica.Rank, Groups.Replica.Size);

    /// <summary>What is kept of the weights, in the model's dtype.</summary>
    internal abstract Tensor Compute { get; }

    /// <summary>What is kept of the gradient sums.</summary>
    private protected abstract Tensor Gradient { get; }

    /// <summary>Where owned elements begin in <see cref="Compute"/> and <see cref="Gradient"/>.</summary>
    private protected abstract long At(FlatRange range);

    /// <summary>The memory of a parameter, in its shape; the caller owns the view.</summary>
    internal abstract Tensor WeightView(FlatSlot slot, IReadOnlyList<long> shape);

    /// <summary>Takes care of a parameter's gradient from here on.</summary>
    internal abstract void Attach(FlatSlot slot, Parameter parameter);

    /// <summary>Begins a step.</summary>
    internal abstract void ZeroGradient();

    /// <summary>Adds what a backward pass left in the model's dtype into the sums.</summary>
    internal abstract void Accumulate();

    /// <summary>A gradient that may be added to before it is reduced.</summary>
    internal abstract Tensor GradientOf(FlatSlot slot, IReadOnlyList<long> shape);

    /// <summary>Adds what another stage found for the same parameter.</summary>
    internal abstract void AddToGradient(FlatSlot slot, Tensor more);

    /// <summary>Reduces what is not reduced yet and waits for all of it.</summary>
    internal abstract void Finish();

    /// <summary>No reduction of the step has begun after all.</summary>
    internal virtual void ForgetReductions()
    {
    }

    internal abstract void BeforeForward(int block);

    internal abstract void AfterForward(int block);

    internal abstract void BeforeBackward(int block);

    internal abstract void AfterBackward(int block, bool last);

    /// <summary>Makes all weights whole; those of fully sharded blocks until <see cref="CloseWeights"/>.</summary>
    internal abstract void OpenWeights();

    /// <summary>The counterpart of <see cref="OpenWeights"/>.</summary>
    /// <param name="changed">Whether weights were written: what this rank owns of them is what it trains from here on.</param>
    internal abstract void CloseWeights(bool changed);

    /// <summary>What is kept of the weights has changed under the gathered ones.</summary>
    internal abstract void WeightsChanged();

    /// <summary>The owned elements of a bucket are updated.</summary>
    private protected abstract void Updated(int bucket);

    /// <summary>Bytes of tensors that are there now.</summary>
    internal abstract OptimizerBytes Bytes { get; }

    private protected OptimizerBytes StateBytes => new(
        SizeOf(Compute), SizeOf(Gradient), SizeOf(expAvg) + SizeOf(expAvgSq), master?.Bytes ?? 0, 0, 0);

    /// <summary>
    /// The sum of squares of owned gradients that this rank counts, a float64 scalar where they are: one of the ranks that own them
    /// counts them; null where this one counts none.
    /// </summary>
    internal Tensor? NormSquared()
    {
        using var scope = NewDisposeScope();
        Tensor? total = null;
        foreach (var run in Runs)
        {
            if (run.Counts && Groups.Replica.Rank == 0)
            {
                var own = Ops.GlobalNormSquared(Gradient.narrow(0, At(run.Range), run.Range.Length));
                total = total is null ? own : total + own;
            }
        }

        return total?.MoveToOuterDisposeScope();
    }

    /// <summary>One AdamW update of what this rank owns; weights are on their way to the others afterwards.</summary>
    internal void Update(AdamRates rates, long update, double gradientScale, Tensor? gradientFactor)
    {
        for (var i = 0; i < Runs.Count; i++)
        {
            UpdateRun(Runs[i], rates, update, gradientScale, gradientFactor);
            if (i + 1 == Runs.Count || Runs[i + 1].Bucket != Runs[i].Bucket)
            {
                Updated(Runs[i].Bucket);
            }
        }
    }

    /// <summary>What a value that is not finite this rank owns of a parameter's gradient; null for none.</summary>
    internal string? NonFinite(FlatSlot slot)
    {
        using var scope = NewDisposeScope();
        var own = Own(StateKind.Gradient, slot).Values;
        return own.isnan().any().ToBoolean() ? "nan" : own.isinf().any().ToBoolean() ? "inf" : null;
    }

    /// <summary>A parameter's state on all ranks that share it: a view where this rank has it all.</summary>
    internal Tensor Read(FlatSlot slot, IReadOnlyList<long> shape, StateKind kind)
    {
        var (values, _) = Own(kind, slot);
        using var own = values;
        if (Groups.Zero.Size == 1)
        {
            return own.view([.. shape]);
        }

        using var whole = Groups.Zero.AllGather(own, 0, new(OptimizerSites.ReadWhole, false));
        return whole.view([.. shape]);
    }

    /// <summary>Sets what this rank owns of a parameter's state.</summary>
    internal virtual void Write(FlatSlot slot, StateKind kind, Tensor whole)
    {
        using var scope = NewDisposeScope();
        var (values, start) = Own(kind, slot);
        values.copy_(whole.reshape(-1).narrow(0, start, values.numel()));
        Keep(kind, slot, values);
    }

    /// <summary>Brings what this rank owns of the weights to all ranks that hold it, as the rounded master weights where there are such.</summary>
    internal void SpreadOwned()
    {
        for (var bucket = 0; bucket < Plan.Buckets.Count; bucket++)
        {
            using var scope = NewDisposeScope();
            var range = Plan.RangeOf(bucket, Place);
            master?.Round(Compute.narrow(0, At(range), range.Length), range.State);
            Updated(bucket);
        }
    }

    /// <summary>Makes the master weights those of the model.</summary>
    internal void CastToMaster()
    {
        if (master is null)
        {
            return;
        }

        for (var bucket = 0; bucket < Plan.Buckets.Count; bucket++)
        {
            using var scope = NewDisposeScope();
            var range = Plan.RangeOf(bucket, Place);
            master.Take(Compute.narrow(0, At(range), range.Length), range.State);
        }
    }

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        master?.Dispose();
        expAvg.Dispose();
        expAvgSq.Dispose();
    }

    private protected Tensor Buffer(long length, ScalarType dtype) =>
        zeros(length, dtype: dtype, device: Options.Device ?? CPU).DetachFromDisposeScope();

    private protected static long SizeOf(Tensor tensor) => tensor.numel() * tensor.element_size();

    private protected static Tensor View(Tensor flat, long offset, long length, IReadOnlyList<long> shape)
    {
        using var part = flat.narrow(0, offset, length);
        return part.view([.. shape]);
    }

    /// <summary>A tensor to send, in the dtype that gradients are sent in: <paramref name="sums"/> itself where that is its own.</summary>
    private protected Tensor ToSend(Tensor sums)
    {
        var dtype = Options.ReduceDtype ?? Options.StateDtype;
        if (sums.dtype == dtype)
        {
            return sums;
        }

        using (sums)
        {
            return sums.to_type(dtype);
        }
    }

    /// <summary>
    /// What this rank owns of a parameter, and where that begins in the parameter: a view, but of master weights that are split. Who writes
    /// to it calls <see cref="Keep"/>.
    /// </summary>
    internal (Tensor Values, long Start) Own(StateKind kind, FlatSlot slot)
    {
        var piece = Plan.PieceOf(slot, Place);
        if (kind == StateKind.Master && master is not null)
        {
            using var weights = Compute.narrow(0, At(piece.Range), piece.Range.Length);
            return (master.Values(weights, piece.Range.State), piece.Start);
        }

        var (flat, compact) = kind switch
        {
            StateKind.Weight or StateKind.Master => (Compute, false),
            StateKind.Gradient => (Gradient, false),
            StateKind.ExpAvg => (expAvg, true),
            _ => (expAvgSq, true),
        };
        return (flat.narrow(0, compact ? piece.Range.State : At(piece.Range), piece.Range.Length), piece.Start);
    }

    /// <summary>Keeps what was written to the values of <see cref="Own"/>.</summary>
    internal void Keep(StateKind kind, FlatSlot slot, Tensor values)
    {
        if (kind == StateKind.Master && master is not null)
        {
            var range = Plan.PieceOf(slot, Place).Range;
            using var weights = Compute.narrow(0, At(range), range.Length);
            master.Keep(values, weights, range.State);
        }
    }

    private void UpdateRun(FlatRun run, AdamRates rates, long update, double gradientScale, Tensor? gradientFactor)
    {
        using var scope = NewDisposeScope();
        var at = At(run.Range);
        Tensor Kept(Tensor flat) => flat.narrow(0, at, run.Range.Length);
        Tensor State(Tensor flat) => flat.narrow(0, run.Range.State, run.Range.Length);
        Ops.AdamW(
            master?.Kept(run.Range.State, run.Range.Length) ?? Kept(Compute), Kept(Gradient), State(expAvg), State(expAvgSq),
            rates.LearningRate, rates.Beta1, rates.Beta2, rates.Epsilon, run.Decays ? rates.WeightDecay : 0, update, gradientScale,
            master is null ? null : Kept(Compute), gradientFactor);
    }
}
