// Reads the table: every line, then what only the whole can show. All problems are reported at once.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Evo.Generators.Spec.Algebra;

/// <summary>A text that is no table, with all that is wrong with it.</summary>
internal sealed class AlgebraException : Exception
{
    public AlgebraException(IReadOnlyList<AlgebraProblem> problems)
        : base(string.Join("\n", problems)) => Problems = problems;

    public IReadOnlyList<AlgebraProblem> Problems { get; }
}

internal sealed class AlgebraReader
{
    private readonly List<AlgebraProblem> problems = new();
    private readonly List<(int Line, (PlacementKind Kind, PlacementKind Gradient) Item)> placements = new();
    private readonly List<(int Line, (Wire Wire, WireCost Cost) Item)> wires = new();
    private readonly List<(int Line, Collective Item)> collectives = new();
    private readonly List<(int Line, Operator Item)> operators = new();

    // The rules of the last operator so far.
    private readonly List<OperatorRule> rules = new();

    // The rules of an operator whose own line was refused are no rules of the operator before it.
    private bool refusedOperator;

    public static AlgebraTable Read(string text)
    {
        var reader = new AlgebraReader();
        var lines = text.Split('\n');
        for (var k = 0; k < lines.Length; k++)
        {
            reader.ReadLine(new TableLine(k + 1, lines[k]));
        }

        reader.FinishOperator();
        if (reader.problems.Count == 0)
        {
            reader.CheckWhole();
        }

        if (reader.problems.Count > 0)
        {
            throw new AlgebraException(reader.problems);
        }

        return new AlgebraTable(
            reader.placements.ToDictionary(placement => placement.Item.Kind, placement => placement.Item.Gradient),
            reader.wires.ToDictionary(wire => wire.Item.Wire, wire => wire.Item.Cost),
            reader.collectives.ConvertAll(collective => collective.Item),
            reader.operators.ConvertAll(item => item.Item));
    }

    private void ReadLine(TableLine line)
    {
        refusedOperator &= line.First is not ("placement" or "wire" or "collective" or "operator");
        if (line.IsEmpty || refusedOperator)
        {
            return;
        }

        try
        {
            if (line.Take("placement"))
            {
                var placement = LineReader.Gradient(line);
                line.End();
                placements.Add((line.Number, placement));
            }
            else if (line.Take("wire"))
            {
                var wire = LineReader.WireCost(line);
                line.End();
                wires.Add((line.Number, wire));
            }
            else if (line.Take("collective"))
            {
                var collective = LineReader.Collective(line);
                line.End();
                collectives.Add((line.Number, collective));
            }
            else if (line.Take("operator"))
            {
                var next = LineReader.Operator(line);
                line.End();
                FinishOperator();
                operators.Add((line.Number, next));
            }
            else if (operators.Count > 0)
            {
                var rule = LineReader.Rule(line, operators[operators.Count - 1].Item);
                line.End();
                rules.Add(rule);
            }
            else
            {
                throw line.Refuse("a line begins with placement, wire, collective or operator");
            }
        }
        catch (TableLineException refused)
        {
            problems.Add(refused.Problem);
            refusedOperator = line.First == "operator";
        }
    }

    private void FinishOperator()
    {
        if (operators.Count > 0)
        {
            var (line, last) = operators[operators.Count - 1];
            operators[operators.Count - 1] = (line, last with { Rules = new EquatableArray<OperatorRule>(rules) });
            rules.Clear();
        }
    }

    private void CheckWhole()
    {
        Twice("placement", placements, placement => Placement.Letter(placement.Kind));
        CheckPlacements();
        var placementsAreRight = problems.Count == 0;
        Twice("wire", wires, wire => Collective.Text(wire.Wire));
        if (placementsAreRight)
        {
            Twice("collective", collectives, collective => collective.Name);
            Twice("step", collectives, Signature);
            CheckCollectives();
        }

        Twice("operator", operators, item => item.Name);
        foreach (var (line, item) in operators)
        {
            if (item.Rules.Count == 0)
            {
                Problem(line, item.Name, "this operator has no rule");
            }
        }

        var sorted = problems.OrderBy(problem => problem.Line).ToList();
        problems.Clear();
        problems.AddRange(sorted);
    }

    private void CheckPlacements()
    {
        var gradients = new Dictionary<PlacementKind, PlacementKind>();
        foreach (var (_, (kind, gradient)) in placements)
        {
            gradients[kind] = gradient;
        }

        foreach (PlacementKind kind in Enum.GetValues(typeof(PlacementKind)))
        {
            if (!gradients.ContainsKey(kind))
            {
                Problem(0, Placement.Letter(kind), "this placement is missing");
            }
        }

        foreach (var (line, (kind, gradient)) in placements)
        {
            var back = gradients.TryGetValue(gradient, out var twice) && twice == kind;
            if (!back || (kind == PlacementKind.Sharded) != (gradient == PlacementKind.Sharded))
            {
                var letter = Placement.Letter(kind);
                Problem(
                    line,
                    Placement.Letter(gradient),
                    "the gradient of the gradient of " + letter + " must be " + letter + ", and only S has S");
            }
        }
    }

    private void CheckCollectives()
    {
        foreach (var (line, collective) in collectives)
        {
            if (!wires.Any(wire => wire.Item.Wire == collective.Wire))
            {
                Problem(line, Collective.Text(collective.Wire), "the cost of this wire is missing");
            }

            var dual = collectives.Find(candidate => candidate.Item.Name == collective.Dual).Item;
            if (dual is null)
            {
                Problem(line, collective.Dual, "there is no collective of this name");
                continue;
            }

            var due = Placement.Letter(Gradient(collective.To)) + " -> " + Placement.Letter(Gradient(collective.From));
            if (Signature(dual) != due)
            {
                Problem(
                    line,
                    collective.Dual,
                    "the dual of " + Signature(collective) + " must be " + due + ", and this is " + Signature(dual));
            }
            else if (dual.Dual != collective.Name)
            {
                Problem(line, collective.Dual, "the dual of this is " + dual.Dual + ", and must be " + collective.Name);
            }
        }
    }

    private PlacementKind Gradient(PlacementKind kind) =>
        placements.Find(placement => placement.Item.Kind == kind).Item.Gradient;

    private static string Signature(Collective collective) =>
        Placement.Letter(collective.From) + " -> " + Placement.Letter(collective.To);

    // What stands a second time, by the line of each.
    private void Twice<T>(string what, List<(int Line, T Item)> items, Func<T, string> nameOf)
    {
        foreach (var group in items.GroupBy(item => nameOf(item.Item), StringComparer.Ordinal))
        {
            var first = group.First().Line.ToString(CultureInfo.InvariantCulture);
            foreach (var (line, _) in group.Skip(1))
            {
                Problem(line, group.Key, "this " + what + " stands on line " + first + " already");
            }
        }
    }

    private void Problem(int line, string found, string rule) =>
        problems.Add(new AlgebraProblem(line, Math.Min(line, 1), found, rule));
}
