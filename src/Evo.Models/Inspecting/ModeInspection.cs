using TorchSharp;

namespace Evo.Models;

/// <summary>
/// One forward and backward pass of a model in one mode at some degrees: who holds what, what is sent, what is kept. A value made of the
/// record's plan and table; nothing is loaded.
/// </summary>
/// <param name="Spec">The model.</param>
/// <param name="Degrees">Mode and degrees.</param>
/// <param name="Batch">Rows that pass at once on these ranks: of a step in micro-batches, those of one.</param>
/// <param name="Length">Tokens of a row.</param>
/// <param name="Type">Type of parameters, gradients and activations.</param>
/// <param name="Plan">The mode's plan.</param>
/// <param name="Holdings">What each rank holds of every parameter.</param>
/// <param name="Costs">What is sent at every place.</param>
/// <param name="Activations">What is kept for the backward pass.</param>
public sealed record ModeInspection(
    CausalLM Spec, ModeDegrees Degrees, long Batch, long Length, torch.ScalarType Type, ModePlan Plan, IReadOnlyList<Holding> Holdings,
    IReadOnlyList<SiteCost> Costs, ActivationMemory Activations)
{
    /// <summary>Bytes of optimizer state for each number: master, first and second moment in float32.</summary>
    public const int OptimizerBytes = 12;

    /// <summary>Inspects a mode.</summary>
    /// <exception cref="ModelConfigException">The degree does not suit the model; the message has the legal ones.</exception>
    public static ModeInspection Of(CausalLM spec, ModeDegrees degrees, long batch, long length, torch.ScalarType type)
    {
        var plan = spec.Plan(degrees);
        if (degrees.Mode != ParallelMode.Serial && plan.Problems(degrees.Tensor) is { Count: > 0 } problems)
            throw new ModelConfigException(spec.Family.Name, problems);
        return new(
            spec, degrees, batch, length, type, plan, Holding.Of(spec, degrees), SiteCost.Of(plan, degrees, batch, length, type), ActivationMemory.Of(plan));
    }

    /// <summary>Where polynomials are evaluated.</summary>
    public SizePoint Point => new(Batch, Length, Degrees.Tensor, Degrees.Weight);

    /// <summary>Numbers of parameters on each rank.</summary>
    public long LocalParameters => Holdings.Sum(h => h.LocalCount);

    /// <summary>Bytes of parameters on each rank; those of gradients are the same.</summary>
    public long ParameterBytes => LocalParameters * ActivationMemory.SizeOf(NumberType.Compute, Type);

    /// <summary>Bytes of optimizer state on each rank, where it is not spread further.</summary>
    public long OptimizerStateBytes => LocalParameters * OptimizerBytes;

    /// <summary>Bytes that each rank keeps between forward and backward.</summary>
    public long ActivationBytes => (long)Math.Round(Activations.Bytes(Type).At(Point));

    /// <summary>Bytes that each rank sends in a forward pass.</summary>
    public long ForwardBytes => Costs.Sum(c => c.ForwardBytes);

    /// <summary>Bytes that each rank sends in a backward pass.</summary>
    public long BackwardBytes => Costs.Sum(c => c.BackwardBytes);

    /// <summary>Legal degrees of the tensor axis of every mode.</summary>
    public static IReadOnlyList<(ParallelMode Mode, IReadOnlyList<int> Degrees)> Legal(CausalLM spec) =>
        [.. Enum.GetValues<ParallelMode>().Select(mode => (mode, spec.Plan(mode).Legal))];

    /// <summary>
    /// Layers that run alike, folded: the first of each kind with how many there are. Layers differ where the configuration makes
    /// them differ.
    /// </summary>
    public IReadOnlyList<(int First, int Count)> LayerKinds()
    {
        string Key(int layer) => string.Join("|", Plan.Values.Where(v => v.Layer == layer).Select(v => $"{v.Name}:{v.Operation}:{v.Size}"));
        return [.. Plan.Blocks.Where(b => b.Layer is not null).GroupBy(b => Key(b.Layer!.Value)).Select(g => (g.First().Layer!.Value, g.Count()))];
    }
}
