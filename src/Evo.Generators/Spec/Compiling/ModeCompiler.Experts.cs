// Experts. Where every rank has every token, each expert is cut along its inside and the sum is made as for any linear map. Where
// tokens are spread, experts are dealt out whole, and tokens travel to them and back. Under a capacity an expert takes the first
// tokens of all, so all must be seen together.
using System.Linq;
using Evo.Generators.Spec.Algebra;
using Evo.Generators.Spec.Emitting;

namespace Evo.Generators.Spec.Compiling;

internal sealed partial class ModeCompiler
{
    private void Experts(StepSpec step, PartSpec part)
    {
        var (x, logits) = (step.Inputs[0], step.Inputs[1]);
        var at = IsSerial || scope.At(logits).Kind == PlacementKind.Invariant ? I : Home;
        // What the auxiliary loss sees is what the router said, before any copy of it.
        Make(logits, at, LocalNames.Word(Primary(logits)), $"own.Routed({Need(logits, at)}, {part.Sizes[3]})");
        Use(part);
        var own = $"own.{Names.Weights(part)}";
        string Mixed(Placement tokens, string gate, string up, string down, string spread = "") =>
            PartEmitter.Mixed(part, Need(x, tokens), Need(logits, tokens), gate, up, down, "own", spread);
        if (IsSerial)
        {
            Make(step.Output, I, part.Method, Mixed(I, $"{own}.Gate?.Weight", $"{own}.Up.Weight", $"{own}.Down.Weight"));
        }
        else if (mode == Mode.Mtp || (part.Experts!.Capacity.Length > 0 && mode != Mode.Isp))
        {
            Split(Size.Of(part.Sizes[1]), $"the width inside of an expert of {part.Method}");
            Make(step.Output, P, part.Method, Mixed(R, $"{own}.Gate?.Weight", $"{own}.Up.Weight", $"{own}.Down.Weight"));
        }
        else if (part.Experts!.Capacity.Length > 0)
        {
            var maps = new[] { "Gate", "Up", "Down" }.Select(map => map == "Gate" && part.Experts.Gate.Length == 0 ? "null" : GatheredExperts(part, map)).ToArray();
            Make(step.Output, R, part.Method, Mixed(R, maps[0], maps[1], maps[2]));
        }
        else
        {
            Split(Size.Of(part.Sizes[2]), $"the experts of {part.Method}");
            var sent = Elements(shapes[x], R) + $" * {Names.Atom(part.Sizes[3])}";
            var numbers = new[] { ("counts", part.Sizes[2]), ("tokens", sent), ("outputs", sent) }
                .Select(s => NewSite(algebra.Step(S(0), S(1))!, "expert", part.Method, s.Item2, false)).ToArray();
            Make(
                step.Output, S(1), part.Method, Mixed(S(1), $"{own}.Gate?.Weight", $"{own}.Up.Weight", $"{own}.Down.Weight", $"expert, {numbers[0]}, "),
                $"sites {numbers[0]} to {numbers[2]}: all-to-all over the expert axis of counts, of tokens to their experts, and of outputs back; backward: all-to-all");
        }
    }

    private string GatheredExperts(PartSpec part, string map)
    {
        var step = algebra.Step(S(0), R)!;
        var number = NewSite(step, "weight", part.Method, Names.Product(part.Sizes.Take(3)), true);
        var name = names.New(part.Method + map, "_R");
        scope.Body.Add(new Let(
            name, $"{Names.Shard}.Gather(weight, own.{Names.Weights(part)}.{map}{(map == "Gate" ? "!" : "")}.Weight, {part.Sizes[2]}, {number})", Comment(number, step, "weight", algebra)));
        return name;
    }
}
