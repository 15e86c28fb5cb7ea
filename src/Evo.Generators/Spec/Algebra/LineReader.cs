// What one line of the table says: patterns, sums and conditions, then each kind of line.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Evo.Generators.Spec.Algebra;

internal static class LineReader
{
    private static readonly Wire[] Wires = (Wire[])Enum.GetValues(typeof(Wire));

    public static PlacementKind Kind(TableLine line)
    {
        PlacementKind? kind = line.Peek switch
        {
            "R" => PlacementKind.Replicated,
            "I" => PlacementKind.Invariant,
            "S" => PlacementKind.Sharded,
            "P" => PlacementKind.Partial,
            _ => null,
        };
        if (kind is not { } found)
        {
            throw line.Refuse("a placement is expected: R, I, S or P");
        }

        line.Take(line.Peek);
        return found;
    }

    public static (PlacementKind Kind, PlacementKind Gradient) Gradient(TableLine line)
    {
        var kind = Kind(line);
        line.Expect(kind.ToString());
        line.Expect("gradient");
        return (kind, Kind(line));
    }

    public static (Wire Wire, WireCost Cost) WireCost(TableLine line)
    {
        var wire = Wire(line);
        if (line.Take("nothing"))
        {
            return (wire, new WireCost(0, 0));
        }

        var count = line.Int();
        if (line.Take("part") || line.Take("parts"))
        {
            return (wire, new WireCost(count, 0));
        }

        if (line.Take("crumb") || line.Take("crumbs"))
        {
            return (wire, new WireCost(0, count));
        }

        throw line.Refuse("'parts' or 'crumbs' is expected");
    }

    public static Collective Collective(TableLine line)
    {
        var name = line.Name("the name of a collective");
        var from = Side(line);
        line.Expect("->");
        var to = Side(line);
        var wire = Wire(line);
        line.Expect("dual");
        return new Collective(name, from, to, wire, line.Name("the name of a collective"));
    }

    public static Operator Operator(TableLine line)
    {
        var name = line.Name("the name of an operator");
        line.Expect("(");
        var inputs = line.List(() => Input(line));
        line.Expect(")");
        var parameters = line.Take("by") ? line.List(() => line.Name("the name of a dim")) : default;
        var conditions = line.Take("where") ? line.List(() => Condition(line, inputs, parameters.Contains)) : default;
        return new Operator(name, inputs, parameters, conditions, default);
    }

    public static OperatorRule Rule(TableLine line, Operator of)
    {
        var bound = new HashSet<string>(of.Parameters);
        var inputs = line.List(() => Pattern(line, of.Inputs, bound, binds: true));
        if (inputs.Count != of.Inputs.Count)
        {
            throw line.Refuse(string.Format(
                CultureInfo.InvariantCulture,
                "operator {0} has {1} inputs, and {2} placements stand before '->'",
                of.Name,
                of.Inputs.Count,
                inputs.Count));
        }

        line.Expect("->");
        var output = Pattern(line, of.Inputs, bound, binds: false);
        if (output.Whole.Count > 1)
        {
            throw line.Refuse("one placement is expected after '->'");
        }

        var conditions = line.Take("if") ? line.List(() => Condition(line, of.Inputs, bound.Contains)) : default;
        return new OperatorRule(inputs, output, conditions);
    }

    private static PlacementKind Side(TableLine line)
    {
        var kind = Kind(line);
        if (kind == PlacementKind.Sharded)
        {
            line.Expect("(");
            line.Name("the name of a dim");
            line.Expect(")");
        }

        return kind;
    }

    private static Wire Wire(TableLine line)
    {
        foreach (var wire in Wires)
        {
            if (line.Take(Algebra.Collective.Text(wire)))
            {
                return wire;
            }
        }

        throw line.Refuse("a wire is expected: " + string.Join(", ", Wires.Select(Algebra.Collective.Text)));
    }

    private static OperatorInput Input(TableLine line)
    {
        var integer = line.Take("integer");
        var name = line.Name("the name of an input");
        line.Expect("[");
        var open = line.Take("...");
        var dims = !open || line.Take(",") ? line.List(() => line.Name("the name of a dim")) : default;
        line.Expect("]");
        return new OperatorInput(name, integer, open, dims);
    }

    // A name that stands alone in S( ) of an input is bound there; everywhere else it must be bound.
    private static PlacementPattern Pattern(
        TableLine line, EquatableArray<OperatorInput> inputs, HashSet<string> bound, bool binds)
    {
        var first = Kind(line);
        if (first == PlacementKind.Sharded)
        {
            line.Expect("(");
            if (binds && line.IsName && line.After == ")" && line.Peek is not ("last" or "rank"))
            {
                bound.Add(line.Peek);
            }

            var dim = Sum(line, inputs, bound.Contains);
            line.Expect(")");
            return new PlacementPattern(default, dim);
        }

        var whole = new List<Placement> { new(first, 0) };
        while (line.Take("|"))
        {
            if (line.Peek == "S")
            {
                throw line.Refuse("S(dim) stands alone; R, I or P is expected");
            }

            whole.Add(new Placement(Kind(line), 0));
        }

        return new PlacementPattern(new EquatableArray<Placement>(whole), null);
    }

    private static DimCondition Condition(
        TableLine line, EquatableArray<OperatorInput> inputs, Func<string, bool> known)
    {
        var left = Sum(line, inputs, known);
        var sign = line.Peek;
        if (sign is not ("=" or "!=" or "<" or "<=" or ">" or ">="))
        {
            throw line.Refuse("a comparison is expected: = != < <= > or >=");
        }

        line.Take(sign);
        return new DimCondition(left, sign, Sum(line, inputs, known));
    }

    private static DimSum Sum(TableLine line, EquatableArray<OperatorInput> inputs, Func<string, bool> known)
    {
        var terms = new List<DimTerm>();
        var plus = true;
        do
        {
            terms.Add(Term(line, inputs, known, plus));
            plus = line.Take("+");
        }
        while (plus || line.Take("-"));
        return new DimSum(new EquatableArray<DimTerm>(terms));
    }

    private static DimTerm Term(
        TableLine line, EquatableArray<OperatorInput> inputs, Func<string, bool> known, bool plus)
    {
        if (line.IsNumber)
        {
            return new DimTerm(plus, DimTermKind.Number, line.Int(), "");
        }

        if (line.Take("last"))
        {
            return new DimTerm(plus, DimTermKind.Last, 0, "");
        }

        if (line.Take("rank"))
        {
            line.Expect("(");
            if (!inputs.Any(input => input.Name == line.Peek))
            {
                throw line.Refuse("the name of an input is expected");
            }

            var input = line.Name("the name of an input");
            line.Expect(")");
            return new DimTerm(plus, DimTermKind.RankOf, 0, input);
        }

        if (!known(line.Peek))
        {
            throw line.Refuse("a dim is expected: a number, last, rank(input), or a name that an input's S(name) binds");
        }

        return new DimTerm(plus, DimTermKind.Name, 0, line.Name("a dim"));
    }
}
