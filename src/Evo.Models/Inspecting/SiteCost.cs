// What ranks send at a place, by the costs of the algebra's wires.
using Evo.Core;
using Microsoft.FSharp.Collections;
using TorchSharp;

namespace Evo.Models;

/// <summary>What moves at one place in one training step.</summary>
/// <param name="Site">The place.</param>
/// <param name="Ranks">Ranks of its axis.</param>
/// <param name="TensorBytes">Bytes of the whole value.</param>
/// <param name="Forward">Collectives of the forward, by the algebra's names.</param>
/// <param name="Backward">Those of the backward.</param>
/// <param name="ForwardBytes">Bytes that each rank sends in the forward.</param>
/// <param name="BackwardBytes">In the backward.</param>
public sealed record SiteCost(
    CollectiveSite Site, int Ranks, long TensorBytes, IReadOnlyList<string> Forward, IReadOnlyList<string> Backward, long ForwardBytes, long BackwardBytes)
{
    /// <summary>Bytes of the step.</summary>
    public long Bytes => ForwardBytes + BackwardBytes;

    /// <summary>Costs of every place that a training step comes by, at some degrees.</summary>
    public static IReadOnlyList<SiteCost> Of(ModePlan plan, ModeDegrees degrees, long batch, long length, torch.ScalarType type) =>
        [.. plan.Sites.Where(s => s.InTraining && s.Runs(degrees.Tensor)).Select(s => Of(s, degrees, batch, length, type))];

    private static SiteCost Of(CollectiveSite site, ModeDegrees degrees, long batch, long length, torch.ScalarType type)
    {
        var algebra = AlgebraModule.standard();
        var ranks = degrees.Of(site.Axis);
        // A plan is one data replica's: what goes over the axes of experts and of data is what each of their ranks has.
        var each = site.Axis is "expert" or "data" ? ranks : 1;
        var bytes = (long)Math.Round(each * site.Elements(batch, length, degrees.Tensor, degrees.Weight) * ActivationMemory.SizeOf(site.Type, type));

        // The head's sums over a spread vocabulary are sums like any other, and all of them in the forward.
        var name = site.Collective == "cross_entropy" ? "reduce" : site.Collective;
        var step = StepOf(algebra, name);
        var forward = new List<CollectiveStep> { step };
        var backward = new List<CollectiveStep>();
        if (site.Collective != "cross_entropy" && site.Type != NumberType.Integer)
        {
            if (site.Again)
                backward.Add(step);
            backward.Add(algebra.Dual(step)!.Value);
        }

        long Sent(List<CollectiveStep> steps) => ranks == 1 ? 0 : Redistribute.bytes(algebra, ranks, bytes, ListModule.OfSeq(steps));
        return new(site, ranks, bytes, Names(forward), Names(backward), Sent(forward), Sent(backward));
    }

    private static CollectiveStep StepOf(Evo.Core.Algebra algebra, string name)
    {
        var collective = algebra.Collectives.First(c => c.Name == name);
        return new(collective, Any(collective.From), Any(collective.To));
    }

    // Wires cost the same whichever dim is cut.
    private static Placement Any(PlacementKind kind) =>
        kind.IsR ? Placement.Replicated : kind.IsI ? Placement.Invariant : kind.IsP ? Placement.Partial : Placement.NewSharded(0);

    private static IReadOnlyList<string> Names(List<CollectiveStep> steps) => [.. steps.Select(s => s.Collective.Name)];
}
