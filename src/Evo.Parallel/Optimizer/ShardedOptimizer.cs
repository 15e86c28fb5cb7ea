using Evo.Core;
using Evo.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// AdamW over flat buffers that ranks share out: ZeRO 1.5, or with <see cref="ShardingOptions.FullySharded"/> FSDP. One rank alone
/// owns everything. It is made before the model, which is then built over <see cref="Weights"/> with this as its block events;
/// then <see cref="Attach"/> gives each parameter its gradient.
/// </summary>
/// <remarks>
/// A step: <see cref="ZeroGradient"/>; backward passes, each followed by <see cref="Accumulate"/>, the last ones with
/// <see cref="LastBackward"/> set; <see cref="Finish"/>, <see cref="GradientNorm"/>, <see cref="Update"/> by the
/// <see cref="ClipFactor"/> of the norm, and <see cref="Settle"/> once the norm has been read: until then nothing waits for the device,
/// which leaves out a step that is not finite by itself. Gradients are sums: what a rank contributes is divided by the counts of the
/// whole step already. All ranks of the groups call the same methods in the same order.
/// </remarks>
public sealed partial class ShardedOptimizer : BlockEvents, IDisposable
{
    private readonly ShardingOptions options;
    private readonly ClassShard[] classes;
    private readonly Dictionary<string, (ShardedParameter Parameter, ClassShard Class, FlatSlot Slot)> places = new(StringComparer.Ordinal);

    /// <summary>Makes the buffers, all zero.</summary>
    /// <param name="parameters">The rank's parameters in the order of the data flow; tied weights are one parameter.</param>
    /// <param name="options">How they are spread.</param>
    /// <exception cref="ArgumentException">No parameter, one given twice, or options that contradict each other.</exception>
    public ShardedOptimizer(IReadOnlyList<ShardedParameter> parameters, ShardingOptions options)
    {
        if (parameters.Count == 0)
        {
            throw new ArgumentException("an optimizer needs at least one parameter", nameof(parameters));
        }

        options.Check();
        (this.options, Parameters, Scaler) = (options, [.. parameters], options.LossScaler);
        Plans = FlatPlan.Of(
            [.. parameters.Select(p => p.Plain)], options.BucketElements, kind => options.GroupsOf(kind).Zero.Size, options.FullySharded);
        var byName = parameters.ToDictionary(p => p.Name, StringComparer.Ordinal);
        using var noGrad = no_grad();
        classes = [.. Plans.Select<FlatPlan, ClassShard>(plan => options.FullySharded
            ? new FullyShardedWeights(plan, options, name => byName[name])
            : new ReplicatedWeights(plan, options, name => byName[name]))];
        foreach (var shard in classes)
        {
            foreach (var slot in shard.Plan.Slots)
            {
                places.Add(slot.Name, (byName[slot.Name], shard, slot));
            }
        }
    }

    /// <summary>The parameters in the order of the data flow.</summary>
    public IReadOnlyList<ShardedParameter> Parameters { get; }

    /// <summary>The plan of each reduction class.</summary>
    public IReadOnlyList<FlatPlan> Plans { get; }

    /// <summary>Dtype of the weights that the model computes with.</summary>
    public ScalarType Dtype => options.Dtype;

    /// <summary>Dtype of gradient sums, moments and master weights: float32, or float64 for a float64 model.</summary>
    public ScalarType StateDtype => options.StateDtype;

    /// <summary>Device of all buffers.</summary>
    public Device Device => options.Device ?? CPU;

    /// <summary>Whether master weights are kept beside those of the model.</summary>
    public bool HasMaster => Dtype != StateDtype;

    /// <summary>The state of the dynamic loss scale; null without one.</summary>
    public LossScaler? Scaler { get; set; }

    /// <summary>What a loss is multiplied by before its backward pass.</summary>
    public double LossScale => Scaler?.Scale ?? 1;

    /// <summary>
    /// Whether the gradients of the blocks whose backward passes come next are whole after them: set before the last micro-batch
    /// of the step (in a pipeline, of the chunk).
    /// </summary>
    public bool LastBackward { get; set; }

    /// <summary>The memory of one parameter in the shape of this rank's share; the caller owns the view.</summary>
    /// <exception cref="KeyNotFoundException">There is no such parameter.</exception>
    public Tensor Weights(string name)
    {
        var (parameter, shard, slot) = places[name];
        return shard.WeightView(slot, parameter.Shape);
    }

    /// <summary>Takes care of the gradient of every parameter of a model built over <see cref="Weights"/>.</summary>
    /// <param name="find">The parameter of a name.</param>
    /// <exception cref="ArgumentException">A parameter has another shape or dtype.</exception>
    public void Attach(Func<string, Parameter> find)
    {
        using var noGrad = no_grad();
        foreach (var description in Parameters)
        {
            var (_, shard, slot) = places[description.Name];
            var parameter = find(description.Name);
            if (parameter.dtype != Dtype || !parameter.shape.SequenceEqual(description.Shape))
            {
                throw new ArgumentException(
                    $"{description.Name} is {parameter.dtype} [{string.Join(", ", parameter.shape)}], the buffer holds {Dtype} [{string.Join(", ", description.Shape)}]",
                    nameof(find));
            }

            shard.Attach(slot, parameter);
        }
    }

    /// <summary>Begins a step.</summary>
    public void ZeroGradient() => Each(shard => shard.ZeroGradient());

    /// <summary>To be called after the backward pass of each micro-batch: adds a low-precision gradient into the float32 one.</summary>
    public void Accumulate() => Each(shard => shard.Accumulate());

    /// <summary>The gradients of the step are complete: reduces those that are not under way, and waits for all.</summary>
    public void Finish()
    {
        LastBackward = false;
        Each(shard => shard.Finish());
    }

    /// <summary>Whether gradients are summed with those of other ranks.</summary>
    internal bool SumsOverRanks => classes.Any(shard => shard.SumsOverRanks);

    /// <summary>Takes back that reductions of gradients were begun, which nobody carried out: a recording of them failed.</summary>
    internal void ForgetReductions()
    {
        LastBackward = false;
        Each(shard => shard.ForgetReductions());
    }

    /// <summary>
    /// The L2 norm over all gradients of the world together, without the loss scale: a float64 scalar on the device. Every logical
    /// element counts once: each rank adds what it owns and counts, and those are summed. The same bits on all ranks.
    /// </summary>
    public Tensor GradientNorm()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor? own = null;
        foreach (var shard in classes)
        {
            own = shard.NormSquared() is { } more ? (own is null ? more : own + more) : own;
        }

        var norm = options.SumOverWorld((own ?? zeros([], float64, Device)).reshape(1)).reshape([]).sqrt();
        return (LossScale == 1 ? norm : norm / LossScale).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// PyTorch's <c>clip_grad_norm_</c>: the factor that brings a gradient of norm <paramref name="norm"/> to at most
    /// <paramref name="limit"/>; a limit of 0 clips nothing. Not a number, which leaves the step out, where the norm is not finite or
    /// <paramref name="finite"/>, which knows of more, is false. All are scalars on the device, which nobody reads for it.
    /// </summary>
    public static Tensor ClipFactor(Tensor norm, double limit, Tensor? finite = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        // No `limit / tensor`: libtorch multiplies by the reciprocal there, whose bits are others.
        var factor = limit > 0 ? full_like(norm, limit).div(norm + 1e-6).clamp_max(1) : ones_like(norm);
        var taken = finite is null ? norm.isfinite() : norm.isfinite().logical_and(finite);
        return where(taken, factor, full_like(norm, double.NaN)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The first parameter in data flow order in whose gradient this rank owns a value that is not finite, and that value's kind;
    /// null if all that it owns are finite.
    /// </summary>
    public (string Parameter, string Found)? FirstNonFinite()
    {
        using var noGrad = no_grad();
        foreach (var parameter in Parameters)
        {
            var (_, shard, slot) = places[parameter.Name];
            if (shard.NonFinite(slot) is { } found)
            {
                return (parameter.Name, found);
            }
        }

        return null;
    }

    /// <summary>
    /// One AdamW update of all parameters in PyTorch's arithmetic, and the new weights to all ranks. The loss scale is taken out
    /// of the gradient here, where the master weights are.
    /// </summary>
    /// <param name="rates">Learning rate, betas, epsilon and decay of this update.</param>
    /// <param name="update">Number of this update, from 1, for the bias correction.</param>
    /// <param name="factor">
    /// Factor on the gradient, normally its <see cref="ClipFactor"/>, alike on all ranks; null takes it as it is. Where it is not finite
    /// no weight and no moment changes.
    /// </param>
    public void Update(AdamRates rates, long update, Tensor? factor)
    {
        AwaitWeights();
        using var noGrad = no_grad();
        using var unscaled = LossScale == 1 ? null : factor?.div(LossScale);
        Each(shard =>
        {
            shard.WeightsChanged();
            shard.Update(rates, update, factor is null ? 1 / LossScale : 1, unscaled ?? factor);
        });
    }

    /// <summary>To be told after <see cref="Update"/> what came of it, once the norm is known: the loss scale of the next step follows from it.</summary>
    /// <param name="updated">Whether the step was taken; false where norm or loss were not finite, and it was left out.</param>
    public void Settle(bool updated) => Scaler = updated ? Scaler?.AfterUpdate() : Scaler?.AfterOverflow();

    /// <inheritdoc/>
    public override void BeforeForward(int block) => Each(shard => shard.BeforeForward(block));

    /// <inheritdoc/>
    public override void AfterForward(int block)
    {
        foreach (var shard in classes)
        {
            // Whether gradients are recorded is what tells a training pass from another.
            shard.AfterForward(block);
        }
    }

    /// <inheritdoc/>
    public override void BeforeBackward(int block) => Each(shard => shard.BeforeBackward(block));

    /// <inheritdoc/>
    public override void AfterBackward(int block) => Each(shard => shard.AfterBackward(block, LastBackward));

    /// <summary>Takes the gradients from the parameters and frees the buffers; weights live on in the model unless they are fully sharded.</summary>
    public void Dispose() => Array.ForEach(classes, shard => shard.Dispose());

    private void Each(Action<ClassShard> act)
    {
        using var noGrad = no_grad();
        Array.ForEach(classes, act);
    }
}
