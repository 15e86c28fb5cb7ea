// An operator of the table: its inputs, and the placements under which every rank may run it on what it holds.
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Spec.Algebra;

/// <summary>One input: <c>integer name[..., a, b]</c>.</summary>
/// <param name="Integer">Whether it has no gradient.</param>
/// <param name="Open">Whether any number of dims stands before those that have a name.</param>
internal sealed record OperatorInput(string Name, bool Integer, bool Open, EquatableArray<string> Dims)
{
    public override string ToString() =>
        (Integer ? "integer " : "") + Name + "[" + string.Join(", ", Open ? new[] { "..." }.Concat(Dims) : Dims) + "]";
}

/// <summary>Placements of the inputs, and what comes out.</summary>
internal sealed record OperatorRule(
    EquatableArray<PlacementPattern> Inputs,
    PlacementPattern Output,
    EquatableArray<DimCondition> Conditions)
{
    public override string ToString() =>
        string.Join(", ", Inputs) + " -> " + Output + (Conditions.Count == 0 ? "" : " if " + string.Join(", ", Conditions));
}

/// <param name="Parameters">Names of the dims that a view is told.</param>
internal sealed record Operator(
    string Name,
    EquatableArray<OperatorInput> Inputs,
    EquatableArray<string> Parameters,
    EquatableArray<DimCondition> Conditions,
    EquatableArray<OperatorRule> Rules)
{
    /// <summary>The line of the table that begins it.</summary>
    public override string ToString() =>
        "operator " + Name + " (" + string.Join(", ", Inputs) + ")"
        + (Parameters.Count == 0 ? "" : " by " + string.Join(", ", Parameters))
        + (Conditions.Count == 0 ? "" : " where " + string.Join(", ", Conditions));

    /// <summary>The placement of what comes out, or null where the placements of the inputs are not listed.</summary>
    public Placement? Output(IReadOnlyList<Placement> inputs, IReadOnlyList<int> ranks, IReadOnlyList<int> parameters)
    {
        if (!Fits(inputs, ranks, parameters))
        {
            return null;
        }

        var start = new DimEnvironment(this, ranks, parameters);
        if (!Conditions.All(start.Holds))
        {
            return null;
        }

        foreach (var rule in Rules)
        {
            // Each rule binds its own names.
            var environment = new DimEnvironment(this, ranks, parameters);
            var fits = true;
            for (var k = 0; fits && k < inputs.Count; k++)
            {
                fits = environment.Fits(rule.Inputs[k], inputs[k]);
            }

            if (fits && rule.Conditions.All(environment.Holds) && environment.Output(rule.Output) is { } output)
            {
                return output;
            }
        }

        return null;
    }

    /// <summary>Whether so many dims, placements and parameters make sense at all.</summary>
    private bool Fits(IReadOnlyList<Placement> inputs, IReadOnlyList<int> ranks, IReadOnlyList<int> parameters)
    {
        if (inputs.Count != Inputs.Count || ranks.Count != Inputs.Count || parameters.Count != Parameters.Count)
        {
            return false;
        }

        for (var k = 0; k < Inputs.Count; k++)
        {
            var dims = Inputs[k].Dims.Count;
            if (ranks[k] != dims && !(Inputs[k].Open && ranks[k] > dims))
            {
                return false;
            }

            if (inputs[k].Kind == PlacementKind.Sharded && (inputs[k].Dim < 0 || inputs[k].Dim >= ranks[k]))
            {
                return false;
            }
        }

        return true;
    }
}
