// Steps that one operator takes together, where all that they read lies where it is read.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Algebra;
using Evo.Generators.Spec.Emitting;

namespace Evo.Generators.Spec.Compiling;

internal sealed partial class ModeCompiler
{
    // A sum and the norm that reads it, where both sides lie as the sum does; false where collectives come between.
    private bool SumAndNorm(StepSpec sum, StepSpec norm)
    {
        var (part, shape) = (parts[norm.Name], shapes[sum.Output]);
        var placements = Take("add", sum, sum.Inputs[0], sum.Inputs[1]);
        var at = placements[2];
        if (at.Kind == PlacementKind.Partial || (at.Kind == PlacementKind.Sharded && at.Dim == shape.Length - 1) || placements.Any(p => !p.Equals(at)))
        {
            return false;
        }

        var (a, b) = (Need(sum.Inputs[0], at), Need(sum.Inputs[1], at));
        var invariant = at.Kind == PlacementKind.Invariant;
        var (weight, bias) = (Weight(part, invariant), Bias(part, invariant));
        var total = names.New("sum", Suffix(at));
        var normed = names.New(part.Method, Suffix(at));
        scope.Body.Add(new Both(
            new Let(total, $"{a} + {b}"), new Let(normed, PartEmitter.Expression(part, new[] { total }, weight, bias)),
            PartEmitter.Summed(part, a, b, weight, bias)));
        Hold(sum.Output, at, total);
        Hold(norm.Output, at, normed);
        return true;
    }

    // What a map of rows makes itself of what it reads, by value: the operator and what it is given before the map's weight.
    private readonly Dictionary<int, string> insidesOfRows = new();

    // Gate and what it lets through, in the halves of one product; false where they would have to be moved first. A map of rows that
    // alone reads them, where they are, takes them with it.
    private bool Gate(string product, StepSpec gate, Placement at, bool readByRow)
    {
        foreach (var input in gate.Inputs)
        {
            scope.Held[input] = new Held(at, product);
        }

        var placements = Take("gated", gate, gate.Inputs.ToArray());
        if (!IsSerial && placements.Take(2).Any(p => !p.Equals(at)))
        {
            return false;
        }

        var halves = $"{gate.Arguments.First(a => a.Value == ArgumentSpec.Text).Code}, {product}";
        var output = IsSerial ? at : placements[2];
        if (readByRow && output.Equals(RowInput))
        {
            insidesOfRows[gate.Output] = $"GatedLinear({halves}";
        }
        else
        {
            Make(gate.Output, output, gate.Name, $"{Names.Ops}.GatedPair({halves})");
        }

        return true;
    }

    // The activation of what a linear map left without its bias. A map of rows that alone reads it, where it is, takes it along.
    private void Activation(StepSpec activation, string bias, bool readByRow)
    {
        var placements = Take("nonlinear", activation, activation.Inputs[0]);
        var name = activation.Arguments.First(a => a.Value == ArgumentSpec.Text).Code;
        var of = $"{name}, {Need(activation.Inputs[0], placements[0])}, {bias}";
        if (readByRow && placements[1].Equals(RowInput))
        {
            insidesOfRows[activation.Output] = $"ActivatedLinear({of}";
        }
        else
        {
            Make(activation.Output, placements[1], activation.Name, $"{Names.Ops}.Activation({of})");
        }
    }

    // Queries, keys and values out of one product, queries and keys turned.
    private void HeadsApart(string product, HeadsFusion heads, Placement output)
    {
        var split = output.Kind == PlacementKind.Sharded && output.Dim >= 2;
        string Own(string size) => split ? Share(size) : size;
        var kvHeads = Own(heads.KvHeads);
        var queries = heads.Group.Length > 0 ? $"{Names.Atom(kvHeads)} * {Names.Atom(heads.Group)}" : Own(heads.Heads);
        var turned = heads.Rope is { } rope ? $", {Places(output)}, own.{Names.Table(rope)}" : "";
        var at = split ? S(2) : output;
        var apart = names.New("heads", Suffix(at));
        scope.Body.Add(new Let(
            apart, $"{Names.Shard}.HeadsApart({product}, {queries}, {kvHeads}, {heads.Size}, {(heads.Group.Length > 0 ? "true" : "false")}{turned})"));
        elements[apart] = elements[product];
        foreach (var (value, k) in heads.Outputs.Select((value, k) => (value, k)))
        {
            Make(value, at, new[] { "query", "key", "value" }[k], $"{apart}[{k}]");
        }
    }
}
