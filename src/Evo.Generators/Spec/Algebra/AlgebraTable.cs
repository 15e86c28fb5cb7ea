// The placement algebra as the compiler asks for it: a value, so that tests can ask what a wrong table would lead to.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace Evo.Generators.Spec.Algebra;

/// <summary>The table of placements, collectives and operators.</summary>
/// <param name="Gradients">The placement of the gradient, for each placement.</param>
/// <param name="Collectives">In the order of the table.</param>
/// <param name="Operators">In the order of the table.</param>
internal sealed record AlgebraTable(
    IReadOnlyDictionary<PlacementKind, PlacementKind> Gradients,
    IReadOnlyDictionary<Wire, WireCost> Costs,
    IReadOnlyList<Collective> Collectives,
    IReadOnlyList<Operator> Operators)
{
    private static readonly Lazy<AlgebraTable> FromResource = new(ReadResource);

    /// <summary>The table in algebra.txt, which is part of this assembly.</summary>
    public static AlgebraTable Standard => FromResource.Value;

    /// <summary>The table of any text.</summary>
    /// <exception cref="AlgebraException">Every problem of the text, with its line.</exception>
    public static AlgebraTable Parse(string text) => AlgebraReader.Read(text);

    /// <summary>The placement of the gradient of a tensor that is placed so.</summary>
    public Placement Gradient(Placement placement) => new(Gradients[placement.Kind], placement.Dim);

    /// <summary>The operator of this name, or null.</summary>
    public Operator? Find(string name)
    {
        foreach (var candidate in Operators)
        {
            if (candidate.Name == name)
            {
                return candidate;
            }
        }

        return null;
    }

    /// <summary>The placement of an operator's output; null where the table does not list the placements of the inputs.</summary>
    /// <param name="ranks">The number of dims of each input.</param>
    /// <param name="parameters">The dims that a view is told.</param>
    public Placement? Output(
        string name, IReadOnlyList<Placement> inputs, IReadOnlyList<int> ranks, IReadOnlyList<int> parameters) =>
        Find(name)?.Output(inputs, ranks, parameters);

    /// <summary>The one collective between two placements; null where they are equal or the table has none.</summary>
    public CollectiveStep? Step(Placement from, Placement to)
    {
        if (from == to)
        {
            return null;
        }

        foreach (var collective in Collectives)
        {
            if (collective.From == from.Kind && collective.To == to.Kind)
            {
                return new CollectiveStep(collective, from, to);
            }
        }

        return null;
    }

    /// <summary>
    /// The step that the backward of a step is: from the gradient of what it gave to the gradient of what it took. Null
    /// where a table that was made by hand names no such collective.
    /// </summary>
    public CollectiveStep? Dual(CollectiveStep step)
    {
        foreach (var collective in Collectives)
        {
            if (collective.Name == step.Collective.Dual)
            {
                return new CollectiveStep(collective, Gradient(step.To), Gradient(step.From));
            }
        }

        return null;
    }

    /// <summary>
    /// The cheapest steps from one placement to another, the fewest where several cost the same, and those that stand
    /// first in the table where several are as few; null where the table has no way.
    /// </summary>
    public IReadOnlyList<CollectiveStep>? Path(Placement from, Placement to)
    {
        // Every way may lead over the whole tensor, and over the dims that are spoken of.
        var places = new List<Placement> { from };
        foreach (var place in new[]
            { Placement.Replicated, Placement.Invariant, Placement.Partial, Placement.Sharded(0), to })
        {
            if (!places.Contains(place))
            {
                places.Add(place);
            }
        }

        var best = new Dictionary<Placement, Way> { [from] = new Way(0, Array.Empty<CollectiveStep>()) };
        for (var better = true; better;)
        {
            better = false;
            foreach (var source in places)
            {
                foreach (var target in places)
                {
                    if (!best.TryGetValue(source, out var way) || Step(source, target) is not { } step)
                    {
                        continue;
                    }

                    var next = way.Then(step, Weight(step.Collective));
                    if (!best.TryGetValue(target, out var old) || next.IsBetterThan(old))
                    {
                        best[target] = next;
                        better = true;
                    }
                }
            }
        }

        return best.TryGetValue(to, out var found) ? found.Steps : null;
    }

    /// <summary>What two ranks would send, in crumbs: the order of the wires is the same for any number of ranks.</summary>
    private int Weight(Collective collective) => (2 * Costs[collective.Wire].Parts) + Costs[collective.Wire].Crumbs;

    private static AlgebraTable ReadResource()
    {
        using var stream = typeof(AlgebraTable).Assembly.GetManifestResourceStream("Evo.Algebra.txt")
            ?? throw new InvalidOperationException("algebra.txt is not part of the assembly");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return Parse(reader.ReadToEnd());
    }

    private sealed record Way(int Cost, IReadOnlyList<CollectiveStep> Steps)
    {
        public Way Then(CollectiveStep step, int cost)
        {
            var steps = new List<CollectiveStep>(Steps) { step };
            return new Way(Cost + cost, steps);
        }

        public bool IsBetterThan(Way other) =>
            Cost < other.Cost || (Cost == other.Cost && Steps.Count < other.Steps.Count);
    }
}
