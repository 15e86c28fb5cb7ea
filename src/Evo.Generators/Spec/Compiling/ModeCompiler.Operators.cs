// Operators, views and functions: each takes the placements under which the algebra lists it that are nearest to those at hand.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Algebra;
using Evo.Generators.Spec.Emitting;

namespace Evo.Generators.Spec.Compiling;

internal sealed partial class ModeCompiler
{
    private void Operator(StepSpec step)
    {
        var (op, word) = step.Name switch
        {
            "+" => ("add", "sum"),
            "-" => ("subtract", "difference"),
            "*" => ("multiply", "product"),
            "/" => ("divide", "quotient"),
            _ => ("scale", "negative"),
        };
        if (step.Inputs.Count == 1)
        {
            // A number added is added once on every rank, so not to parts of a sum; a number divided by a tensor is no linear map.
            var text = step.Condition;
            op = step.Name is "+" or "-" ? "shift" : step.Name == "/" && !text.StartsWith("_", System.StringComparison.Ordinal) ? "nonlinear" : "scale";
            var at = Take(op, step, step.Inputs[0]);
            var x = Need(step.Inputs[0], at[0]);
            Make(step.Output, at[1], word, step.Name == "negate" ? "-" + x : text.Replace("_", x));
            return;
        }

        var (a, b) = (step.Inputs[0], step.Inputs[1]);
        var placements = Take(op, step, a, b);
        Make(step.Output, placements[2], word, $"{Need(a, placements[0])} {step.Name} {Need(b, placements[1])}");
    }

    private void Function(StepSpec step)
    {
        if (step.Inputs.Count == 0)
        {
            // Positions follow the tokens.
            var member = step.Name.Substring(step.Name.IndexOf('.') + 1);
            Make(step.Output, Home, "positions", $"{Places(Home)}.{member}");
            return;
        }

        if (step.Name == "Whole")
        {
            scope.Held[step.Output] = new Held(Home, Need(step.Inputs[0], Home));
            return;
        }

        var op = step.Name switch
        {
            "Gated" => "gated",
            "Softmax" => "softmax",
            _ => "nonlinear",
        };
        if (op == "softmax" && HeldInShares(step.Inputs[0], shapes[step.Inputs[0]].Length - 1))
        {
            findings.Add(new Finding(Diagnostics.NormOverShards, step.Output, step.Name, names.Spoken(Primary(step.Inputs[0]))));
        }

        var at = Take(op, step, step.Inputs.ToArray());
        var k = 0;
        var arguments = step.Arguments.Select(a => a.Value >= 0 ? Need(a.Value, at[k++]) : a.Value == ArgumentSpec.Text ? a.Code : "at");
        Make(step.Output, at[at.Length - 1], step.Name, $"{Names.Functions}.{step.Name}({string.Join(", ", arguments)})");
    }

    private void View(StepSpec step)
    {
        var (x, shape) = (step.Inputs[0], shapes[step.Inputs[0]]);
        var at = scope.At(x);
        var output = at;
        if (Views.Arguments(step, shape.Length) is not var (dims, _))
        {
            return;
        }

        if (!IsSerial && step.Name != "contiguous")
        {
            // A view that mixes shares with other dims is taken of the whole, where that is the residual stream's own placement.
            if (algebra.Output(step.Name is "view" or "reshape" ? "nonlinear" : step.Name, new[] { at }, new[] { shape.Length }, ViewDims(step, dims)) is { } moved
                && !(step.Name is "view" or "reshape" && at.Kind == PlacementKind.Sharded))
            {
                output = moved;
            }
            else if (at.Kind == PlacementKind.Partial)
            {
                at = Home;
                output = algebra.Output(step.Name, new[] { at }, new[] { shape.Length }, ViewDims(step, dims)) ?? I;
            }
            else
            {
                Refuse(step, Diagnostics.ViewOfShares, step.Name, names.Spoken(Primary(x)), at.Dim.ToString());
                return;
            }
        }

        var arguments = step.Arguments.Select((a, k) =>
            step.Name == "unflatten" && k == 1 && output.Kind == PlacementKind.Sharded && output.Dim == dims[0] ? ShareOfFirst(a.Code) : a.Code);
        Make(step.Output, output, LocalNames.Word(Primary(x)), $"{Need(x, at)}.{step.Name}({string.Join(", ", arguments)})");
    }

    // The algebra names a view's dims; unflatten also how many dims come of the one.
    private static int[] ViewDims(StepSpec step, int[] dims) =>
        step.Name == "unflatten" && Views.Arguments(step, 16) is var (_, sizes) ? new[] { dims[0], sizes.Length } : dims;

    private static string ShareOfFirst(string code) =>
        code.StartsWith("[", System.StringComparison.Ordinal) && code.IndexOf(',') is var comma and > 0
            ? "[" + Share(code.Substring(1, comma - 1).Trim()) + code.Substring(comma) : Share(code);

    private string Primary(int value) => scope.Held.TryGetValue(value, out var held) ? held.Versions[held.At] : "value";

    private bool HeldInShares(int value, int dim) => scope.At(value) is { Kind: PlacementKind.Sharded } at && at.Dim == dim;

    /// <summary>The positions of the tokens of a value at a placement.</summary>
    private static string Places(Placement at) => at.Kind == PlacementKind.Sharded && at.Dim == 1 ? "at.Part(tensor)" : "at";

    // The listed placements that cost least to reach: one for each input, then the output's.
    private Placement[] Take(string op, StepSpec step, params int[] values)
    {
        if (IsSerial)
        {
            return Enumerable.Repeat(I, values.Length + 1).ToArray();
        }

        if (op is "nonlinear" or "softmax" or "gated" or "multiply" or "divide" or "shift" && Nonlinear(op, values) is { } partial)
        {
            findings.Add(new Finding(Diagnostics.PartialReaches, step.Output, names.Spoken(Primary(partial)), step.Name));
        }

        if (Cheapest(op, values) is { } cheapest)
        {
            return cheapest;
        }

        findings.Add(new Finding(Diagnostics.NoPlacement, step.Output, step.Name, names.Spoken(Primary(values[0])), Show(scope.At(values[0]))));
        return Enumerable.Repeat(Home, values.Length + 1).ToArray();
    }

    // A sum that is not yet summed, where only the whole will do.
    private int? Nonlinear(string op, int[] values)
    {
        var partials = values.Where(v => scope.At(v).Kind == PlacementKind.Partial).ToList();
        var refused = op switch
        {
            "multiply" => partials.Count > 1,
            "gated" or "divide" => partials.Contains(values[op == "gated" ? 0 : values.Length - 1]),
            "shift" => false,
            _ => partials.Count > 0,
        };
        return refused ? partials[0] : null;
    }

    private Placement[]? Cheapest(string op, IReadOnlyList<int> values)
    {
        Placement[]? best = null;
        var least = double.PositiveInfinity;
        var ranks = values.Select(v => shapes[v].Length).ToArray();
        var options = values.Select(Options).ToArray();
        var chosen = new Placement[values.Count];
        Choose(0, 0);
        return best;

        void Choose(int k, double cost)
        {
            if (cost >= least)
            {
                return;
            }

            if (k == values.Count)
            {
                if (algebra.Output(op, chosen, ranks, System.Array.Empty<int>()) is { } output)
                {
                    (best, least) = (chosen.Append(output).ToArray(), cost);
                }

                return;
            }

            foreach (var (at, price) in options[k])
            {
                chosen[k] = at;
                Choose(k + 1, cost + price);
            }
        }
    }

    private List<(Placement At, double Price)> Options(int value)
    {
        var held = scope.Held.TryGetValue(value, out var found) ? found : new Held(Home, "");
        var options = held.Versions.Keys.Select(v => (v, v.Equals(held.At) ? 0 : 0.01)).ToList();
        foreach (var at in new[] { I, R, S(1), S(2) })
        {
            if (!held.Versions.ContainsKey(at) && (at.Kind != PlacementKind.Sharded || at.Dim == Home.Dim) && algebra.Path(held.At, at) is { } path)
            {
                options.Add((at, path.Sum(Price)));
            }
        }

        return options;
    }

    // What a step costs forward and backward, a reduction of the whole being two passes over it.
    private static double Price(CollectiveStep step) => step.Collective.Name switch
    {
        "copy" or "reduce" => 2,
        "reduce_replicated" => 4,
        "gather" or "reduce_scatter" => 2,
        "gather_invariant" or "split" => 1,
        "exchange" or "split_replicated" => 0.5,
        "settle" => 3,
        _ => 100,
    };
}
