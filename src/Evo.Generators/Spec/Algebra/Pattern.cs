// What a rule of the table says of placements and dims, and what it means for given inputs.
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Evo.Generators.Spec.Algebra;

internal enum DimTermKind
{
    Number,

    /// <summary>A dim that S(d) bound, or a parameter of the operator.</summary>
    Name,

    /// <summary>The last dim of the first input.</summary>
    Last,

    /// <summary>The number of dims of an input.</summary>
    RankOf,
}

/// <summary>A term of a sum; <paramref name="Plus"/> is false where it is subtracted.</summary>
internal sealed record DimTerm(bool Plus, DimTermKind Kind, int Number, string Name)
{
    public override string ToString() => Kind switch
    {
        DimTermKind.Number => Number.ToString(CultureInfo.InvariantCulture),
        DimTermKind.Last => "last",
        DimTermKind.RankOf => "rank(" + Name + ")",
        _ => Name,
    };
}

/// <summary>Terms that are added and subtracted.</summary>
internal sealed record DimSum(EquatableArray<DimTerm> Terms)
{
    /// <summary>The name, where the sum is a name that stands alone.</summary>
    public string? OnlyName => Terms.Count == 1 && Terms[0].Kind == DimTermKind.Name ? Terms[0].Name : null;

    public override string ToString() =>
        string.Concat(Terms.Select((term, k) => (k == 0 ? "" : term.Plus ? " + " : " - ") + term));
}

/// <summary>A comparison; the sign is one of = != &lt; &lt;= &gt; &gt;=.</summary>
internal sealed record DimCondition(DimSum Left, string Sign, DimSum Right)
{
    public override string ToString() => Left + " " + Sign + " " + Right;
}

/// <summary>What a rule says of one placement: one of R, I and P, or sharded on a dim.</summary>
internal sealed record PlacementPattern(EquatableArray<Placement> Whole, DimSum? Dim)
{
    public override string ToString() =>
        Dim is { } dim ? "S(" + dim + ")" : string.Join("|", Whole);
}

/// <summary>What names stand for while a rule is tried.</summary>
internal sealed class DimEnvironment
{
    private readonly IReadOnlyList<OperatorInput> inputs;
    private readonly IReadOnlyList<int> ranks;
    private readonly Dictionary<string, int> names = new();

    public DimEnvironment(Operator of, IReadOnlyList<int> ranks, IReadOnlyList<int> parameters)
    {
        inputs = of.Inputs;
        this.ranks = ranks;
        for (var k = 0; k < of.Parameters.Count; k++)
        {
            names[of.Parameters[k]] = parameters[k];
        }
    }

    /// <summary>Whether a placement is what the pattern says; binds a name that stands alone and is not bound yet.</summary>
    public bool Fits(PlacementPattern pattern, Placement placement)
    {
        if (pattern.Dim is not { } dim)
        {
            return pattern.Whole.Contains(placement);
        }

        if (placement.Kind != PlacementKind.Sharded)
        {
            return false;
        }

        if (dim.OnlyName is { } name && !names.ContainsKey(name))
        {
            names[name] = placement.Dim;
            return true;
        }

        return Value(dim) == placement.Dim;
    }

    /// <summary>The placement that a rule's output is.</summary>
    public Placement? Output(PlacementPattern pattern) => pattern.Dim is not { } dim
        ? pattern.Whole[0]
        : Value(dim) is { } value ? Placement.Sharded(value) : null;

    public bool Holds(DimCondition condition) =>
        Value(condition.Left) is { } left && Value(condition.Right) is { } right && condition.Sign switch
        {
            "=" => left == right,
            "!=" => left != right,
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            _ => left >= right,
        };

    /// <summary>The sum's value; null while it has a name that is not bound.</summary>
    private int? Value(DimSum sum)
    {
        var total = 0;
        foreach (var term in sum.Terms)
        {
            if (Value(term) is not { } value)
            {
                return null;
            }

            total += term.Plus ? value : -value;
        }

        return total;
    }

    private int? Value(DimTerm term)
    {
        switch (term.Kind)
        {
            case DimTermKind.Number:
                return term.Number;
            case DimTermKind.Last:
                return ranks[0] - 1;
            case DimTermKind.Name:
                return names.TryGetValue(term.Name, out var value) ? value : null;
            default:
                for (var k = 0; k < inputs.Count; k++)
                {
                    if (inputs[k].Name == term.Name)
                    {
                        return ranks[k];
                    }
                }

                return null;
        }
    }
}
