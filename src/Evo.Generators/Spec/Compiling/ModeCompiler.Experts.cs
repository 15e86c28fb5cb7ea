// Experts are dealt out over the ranks of the expert axis, and tokens travel to them and back. Where every rank has every token
// (mtp), each expert is cut along its inside besides, and the sum is made as for any linear map; or, as the run decides, the
// tokens are shared out before the experts. Under a capacity an expert takes the first tokens of all ranks.
using System.Collections.Generic;
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
        if (IsSerial)
        {
            Make(step.Output, I, part.Method, PartEmitter.Mixed(part, Need(x, I), Need(logits, I), $"{own}.Gate?.Weight", $"{own}.Up.Weight", $"{own}.Down.Weight", "own"));
        }
        else if (mode == Mode.Mtp)
        {
            Split(Size.Of(part.Sizes[1]), $"the width inside of an expert of {part.Method}");
            Either(step, part);
        }
        else
        {
            Mixture(step, part, S(1), S(1));
        }
    }

    // Whole experts for shares of the tokens, or shares of the experts for all tokens: both leave parts of a sum.
    private void Either(StepSpec step, PartSpec part)
    {
        var outer = scope;
        var name = names.New(part.Method, Suffix(P));
        var sides = new List<Statement>[2];
        for (var side = 0; side < 2; side++)
        {
            scope = outer.Inner();
            var code = Mixture(step, part, side == 0 ? S(1) : R, side == 0 ? S(1) : P);
            if (side == 0)
            {
                var padded = algebra.Step(S(1), P)!;
                var number = NewSite(padded, "tensor", part.Method, Elements(shapes[step.Output], R), false);
                var whole = names.New(part.Method, Suffix(P));
                scope.Body.Add(new Let(whole, $"{Names.Collective}.Pad(tensor, {code}, 1, {Primary(step.Inputs[0])}.shape[1], {number})", Comment(number, padded, "tensor", algebra)));
                code = whole;
            }

            scope.Body.Add(new Assign(name, code));
            sides[side] = scope.Body;
        }

        scope = outer;
        scope.Body.Add(new Compiling.Either("own.Ranks.NoTp", new[] { name }, sides[0], sides[1]));
        Hold(step.Output, P, name);
    }

    // The mixture over tokens at a placement.
    private string Mixture(StepSpec step, PartSpec part, Placement tokens, Placement output)
    {
        var (x, logits, own) = (Need(step.Inputs[0], tokens), Need(step.Inputs[1], tokens), $"own.{Names.Weights(part)}");
        var limited = part.Experts!.Capacity.Length > 0;
        var shared = tokens.Kind == PlacementKind.Sharded;
        var choices = $"{Names.Atom(part.Sizes[3])} * batch * length";
        var travelling = $"{Names.Atom(part.Sizes[3])} * {Elements(shapes[step.Inputs[0]], tokens)}";
        var exchange = algebra.Step(S(0), S(1))!;
        var numbers = new List<int> { NewSite(exchange, "expert", part.Method, part.Sizes[2], false) };
        numbers.Add(NewSite(exchange, "expert", part.Method, travelling, false));
        numbers.Add(NewSite(exchange, "expert", part.Method, travelling, false));
        var counted = "";
        if (limited && shared)
        {
            numbers.Add(NewSite(algebra.Step(S(1), R)!, "tensor", part.Method, choices, false));
            counted = ", tokens: tensor";
        }

        if (limited)
        {
            numbers.Add(NewSite(algebra.Step(S(0), R)!, "data", part.Method, choices, false));
            counted += ", rows: data";
        }

        return Make(
            step.Output, output, part.Method,
            PartEmitter.Mixed(part, x, logits, $"{own}.Gate?.Weight", $"{own}.Up.Weight", $"{own}.Down.Weight", "own", $"expert, {numbers[0]}, ", shared ? ", tensor" : "", counted),
            $"sites {numbers[0]} to {numbers.Last()}: all-to-all over the expert axis of counts, of tokens to their experts, and of outputs back; backward: all-to-all"
            + (limited ? $"; the capacity counts the choices of all ranks, gathered over the {(shared ? "tensor and data axes" : "data axis")}" : ""));
    }
}
