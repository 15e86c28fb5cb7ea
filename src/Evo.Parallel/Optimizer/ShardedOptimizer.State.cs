// What stands in the buffers, as logical parameters: for checkpoints, for other stages of a pipeline, for counters.
using Evo.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

public sealed partial class ShardedOptimizer
{
    /// <summary>
    /// A parameter's state, this rank's share of the parameter as a whole: gathered over the ranks that own parts of it, which
    /// all call this. Where this rank owns all of it, a view of the buffer.
    /// </summary>
    /// <exception cref="KeyNotFoundException">There is no such parameter.</exception>
    public Tensor ReadWhole(string name, StateKind kind)
    {
        using var noGrad = no_grad();
        AwaitWeights();
        var (parameter, shard, slot) = places[name];
        return shard.Read(slot, parameter.Shape, kind);
    }

    /// <summary>
    /// What this rank owns of a parameter's state, and where that begins in this rank's share of the parameter; a view, but of master weights
    /// that are split. Nobody is asked and nothing is waited for.
    /// </summary>
    /// <exception cref="KeyNotFoundException">There is no such parameter.</exception>
    public (Tensor Values, long Start) ReadOwned(string name, StateKind kind)
    {
        using var noGrad = no_grad();
        var (_, shard, slot) = places[name];
        return shard.Own(kind, slot);
    }

    /// <summary>Keeps what was written to the values of <see cref="ReadOwned"/>.</summary>
    internal void KeepOwned(string name, StateKind kind, Tensor values)
    {
        using var noGrad = no_grad();
        var (_, shard, slot) = places[name];
        shard.Keep(kind, slot, values);
    }

    /// <summary>
    /// Sets a parameter's state from the whole of it, of which each rank keeps what it owns. After master weights were written,
    /// <see cref="SpreadOwned"/> brings them to the model.
    /// </summary>
    /// <exception cref="ArgumentException">The tensor has another shape.</exception>
    public void WriteWhole(string name, StateKind kind, Tensor whole)
    {
        using var noGrad = no_grad();
        AwaitWeights();
        var (parameter, shard, slot) = places[name];
        RequireShape(parameter, whole);
        shard.Write(slot, kind, whole);
        shard.WeightsChanged();
    }

    /// <summary>
    /// The gradient of a parameter before <see cref="Finish"/>, to be sent to the other stage that holds it. It is what this rank
    /// found (a view); of a fully sharded parameter, what the ranks that share it found together (gathered: they all call this).
    /// </summary>
    public Tensor GradientOf(string name)
    {
        using var noGrad = no_grad();
        var (parameter, shard, slot) = places[name];
        return shard.GradientOf(slot, parameter.Shape);
    }

    /// <summary>Adds the <see cref="GradientOf"/> of another stage to that of this rank; before <see cref="Finish"/>.</summary>
    /// <exception cref="InvalidOperationException">The gradient is under way already.</exception>
    public void AddToGradient(string name, Tensor more)
    {
        using var noGrad = no_grad();
        var (parameter, shard, slot) = places[name];
        RequireShape(parameter, more);
        shard.AddToGradient(slot, more);
    }

    /// <summary>
    /// Runs what writes the model's weights (initialization, a loader): all are whole meanwhile, and what is written is trained
    /// from here on. All ranks write the same.
    /// </summary>
    public void ChangeWeights(Action change)
    {
        Each(shard => shard.OpenWeights());
        change();
        Each(shard => shard.CloseWeights(changed: true));
    }

    /// <summary>Runs what reads the model's weights outside of its forward; all are whole meanwhile.</summary>
    public T ReadWeights<T>(Func<T> read)
    {
        Each(shard => shard.OpenWeights());
        try
        {
            return read();
        }
        finally
        {
            Each(shard => shard.CloseWeights(changed: false));
        }
    }

    /// <summary>
    /// Brings what each rank owns of the weights to all that hold them, as the rounded master weights where there are such; to
    /// be called after owned or master weights were written.
    /// </summary>
    public void SpreadOwned()
    {
        AwaitWeights();
        Each(shard =>
        {
            shard.WeightsChanged();
            shard.SpreadOwned();
        });
    }

    /// <summary>This rank's place among the ranks that own the same elements of a parameter for its class's sums, and their number.</summary>
    /// <exception cref="KeyNotFoundException">There is no such parameter.</exception>
    public (int Place, int Count) ReplicaOf(string name) => places[name].Class.Replicas;

    /// <summary>A copy of what this rank keeps of the model's weights, for <see cref="RestoreWeights"/>.</summary>
    public IReadOnlyList<Tensor> CopyWeights()
    {
        using var noGrad = no_grad();
        AwaitWeights();
        return [.. classes.Select(shard => shard.Compute.clone())];
    }

    /// <summary>
    /// Puts weights back that were copied, bit for bit; master weights stay what they are, but for those that are split: they are right again
    /// when the weights of before are back.
    /// </summary>
    public void RestoreWeights(IReadOnlyList<Tensor> copied)
    {
        using var noGrad = no_grad();
        AwaitWeights();
        for (var i = 0; i < classes.Length; i++)
        {
            classes[i].Compute.copy_(copied[i]);
            classes[i].WeightsChanged();
        }
    }

    /// <summary>What the buffers of this rank occupy.</summary>
    public OptimizerBytes Bytes => classes.Select(shard => shard.Bytes).Aggregate((a, b) => new(
        a.Parameters + b.Parameters, a.Gradients + b.Gradients, a.OptimizerState + b.OptimizerState, a.Master + b.Master,
        a.Gathered + b.Gathered, a.PeakGathered + b.PeakGathered));

    /// <summary>Of those, whole blocks of sharded weights at this moment; to be asked from any thread.</summary>
    public long GatheredBytes => classes.Sum(shard => shard.Bytes.Gathered);

    /// <summary>What <see cref="Bytes"/> must be, by the plan alone.</summary>
    public FlatBytes PlannedBytes => Plans.Select(plan => plan.Bytes(Dtypes.Of(Dtype), options.FullySharded, options.NarrowSums, options.SplitMaster)).Aggregate((a, b) => a + b);

    // Updated weights that are still on their way have arrived after this.
    internal void AwaitWeights()
    {
        if (!options.FullySharded)
        {
            Each(shard => shard.OpenWeights());
        }
    }

    private static void RequireShape(ShardedParameter parameter, Tensor tensor)
    {
        if (!tensor.shape.SequenceEqual(parameter.Shape))
        {
            throw new ArgumentException(
                $"{parameter.Name} is [{string.Join(", ", parameter.Shape)}] on this rank, the tensor given is [{string.Join(", ", tensor.shape)}]",
                nameof(tensor));
        }
    }
}
