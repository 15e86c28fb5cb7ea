// Parts: what each kind asks of its input and its weights in each mode, and what it leaves.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Algebra;
using Evo.Generators.Spec.Emitting;

namespace Evo.Generators.Spec.Compiling;

internal sealed partial class ModeCompiler
{
    private void Part(StepSpec step, PartSpec part, IReadOnlyList<StepSpec> list)
    {
        switch (part.Kind)
        {
            case PartKind.Embedding:
                Embedding(step, part);
                break;
            case PartKind.Layers:
                var first = Need(step.Inputs[0], Home);
                cut = (scope.Body.Count, first, Make(step.Output, Home, part.Method, $"own.Run(own.{Names.Modules(part)}, {first}, at)"));
                break;
            case PartKind.Row:
                Row(step, part);
                break;
            case PartKind.Router:
                var routed = scope.At(step.Inputs[0]).Kind == PlacementKind.Invariant || IsSerial ? I : Home;
                Make(step.Output, routed, part.Method, PartEmitter.Routed(part, Need(step.Inputs[0], routed), Weight(part, routed.Kind == PlacementKind.Invariant), "own", routed.Kind == PlacementKind.Sharded ? ", tensor" : ""));
                break;
            case PartKind.Experts:
                Experts(step, part);
                break;
            case PartKind.Attention:
                Attention(step, part);
                break;
            case PartKind.Rope:
                var turned = scope.At(step.Inputs[0]);
                turned = turned.Kind == PlacementKind.Partial ? Home : turned;
                if (!IsSerial && algebra.Output("rope", new[] { turned, turned.Kind == PlacementKind.Sharded && turned.Dim < 2 ? turned : I }, new[] { 4, 2 }, System.Array.Empty<int>()) is null)
                {
                    findings.Add(new Finding(Diagnostics.NoPlacement, step.Output, part.Method, names.Spoken(Primary(step.Inputs[0])), Show(turned)));
                }

                Make(step.Output, turned, part.Method, PartEmitter.Rotated(part, Need(step.Inputs[0], turned), Places(turned)));
                break;
            case PartKind.Dropout:
                Dropout(step, part);
                break;
            default:
                Norm(step, part, fusions.IsReadAgain(step, list));
                break;
        }
    }

    // Element by element, so a share stays what it is; which elements are dropped is a matter of their place in the whole.
    private void Dropout(StepSpec step, PartSpec part)
    {
        var x = step.Inputs[0];
        var at = scope.At(x).Kind == PlacementKind.Partial ? Home : scope.At(x);
        var spread = at.Kind != PlacementKind.Sharded ? "" : at.Dim == 1 ? ", tensor" : $", tensor, {at.Dim}, {shapes[x][at.Dim].Code}";
        Make(step.Output, at, part.Method, PartEmitter.Dropped(part, Need(x, at), "own", spread));
    }

    // Norms: token by token, so the residual stream's shares of the tokens stay what they are.
    // What it reads passes it by where others read it from here on, and lie as it does.
    private void Norm(StepSpec step, PartSpec part, bool isReadAgain)
    {
        var x = step.Inputs[0];
        var at = scope.At(x);
        if (HeldInShares(x, shapes[x].Length - 1) && !IsSerial)
        {
            Refuse(step, Diagnostics.NormOverShards, part.Method, names.Spoken(Primary(x)));
            return;
        }

        at = at.Kind == PlacementKind.Partial ? Home : at;
        var code = Need(x, at);
        var (weight, bias) = (Weight(part, at.Kind == PlacementKind.Invariant), Bias(part, at.Kind == PlacementKind.Invariant));
        if (!isReadAgain || scope.Held[x].Versions.Count > 1)
        {
            Make(step.Output, at, part.Method, PartEmitter.Expression(part, new[] { code }, weight, bias));
            return;
        }

        var passed = names.New(LocalNames.Word(code), Suffix(at));
        var normed = names.New(part.Method, Suffix(at));
        scope.Body.Add(new Both(
            new Let(passed, code), new Let(normed, PartEmitter.Expression(part, new[] { passed }, weight, bias)),
            PartEmitter.Passed(part, code, weight, bias)));
        Hold(x, at, passed);
        Hold(step.Output, at, normed);
    }

    // Linear maps of one value: one product over their weights stacked. Steps of the list that are one operator with them are done too.
    private void Linears(IReadOnlyList<StepSpec> steps, bool splits, IReadOnlyList<StepSpec> list, HashSet<StepSpec> done)
    {
        var x = steps[0].Inputs[0];
        var members = steps.Select(s => parts[s.Name]).ToList();
        splits &= SplitsFeatures;
        var last = shapes[x].Length - 1;
        if (!IsSerial && scope.At(x) is { Kind: PlacementKind.Sharded } cut && cut.Dim >= 2)
        {
            foreach (var step in steps)
            {
                Refuse(step, Diagnostics.WholeNeeded, step.Name, names.Spoken(Primary(x)));
            }

            return;
        }

        var word = string.Concat(members.Select(m => m.Method));
        var at = splits ? R : scope.At(x).Kind is PlacementKind.Partial ? Home : scope.At(x);
        var output = splits ? S(last) : at;
        var gathers = splits && mode == Mode.Fsp && !scope.Held[x].Versions.ContainsKey(R);
        var input = gathers ? Need(x, Home) : Need(x, at);
        var weights = members.Select(m => splits ? SplitWeight(m) : Weight(m, at.Kind == PlacementKind.Invariant)).ToList();
        var biases = members.Select(m => splits ? SplitBias(m) : Bias(m, at.Kind == PlacementKind.Invariant)).ToList();
        var activation = members.Count == 1 ? fusions.ActivationOf(steps[0], list) : null;
        var added = activation is null ? biases : new() { "null" }; // the bias, by the activation otherwise
        string product;
        var comment = "";
        if (gathers)
        {
            // The gathered tokens are not kept for the backward pass but gathered again.
            var step = algebra.Step(S(1), R)!;
            var number = NewSite(step, "tensor", LocalNames.Word(input), Elements(shapes[x], R), false);
            comment = $"site {number}: {Show(step.From)} → {Show(step.To)}, {Spoken(step)} over the tensor axis, again in backward; backward: {Spoken(algebra.Dual(step)!)}";
            product = $"{Names.Collective}.GatherLinear(tensor, {input}, 1, [{string.Join(", ", weights)}], [{string.Join(", ", added)}], {number})";
        }
        else if (members.Count == 1)
        {
            product = $"{Names.Ops}.Linear({input}, {weights[0]}, {added[0]})";
        }
        else
        {
            product = $"{Names.Ops}.LinearMany({input}, [{string.Join(", ", weights)}], [{string.Join(", ", biases)}])";
        }

        var heads = fusions.HeadsOf(steps, list);
        if (members.Count == 1 && heads is null)
        {
            Make(steps[0].Output, Placed(members[0], output), members[0].Method, product + Shaped(members[0], output), comment);
            if (activation is not null)
            {
                Activation(activation, biases[0], fusions.RowOf(activation, list) is not null);
                done.Add(activation);
            }

            return;
        }

        var all = names.New(word, Suffix(output));
        scope.Body.Add(new Let(all, product, comment));
        elements[all] = Elements(shapes[x].Take(last).Append(Size.Of(string.Join(" + ", members.Select(m => Names.Product(m.Sizes.Skip(1)))))).ToArray(), output);
        if (heads is not null)
        {
            HeadsApart(all, heads, output);
            done.UnionWith(heads.Taken);
            return;
        }

        if (fusions.GateOf(steps, list) is { } gate && Gate(all, gate, output, fusions.RowOf(gate, list) is not null))
        {
            done.Add(gate);
            return;
        }

        var apart = names.New(word + "Apart", Suffix(output));
        scope.Body.Add(new Let(apart, $"{all}.split([{string.Join(", ", weights.Select(w => w + ".shape[0]"))}], {last})"));
        for (var k = 0; k < members.Count; k++)
        {
            Make(steps[k].Output, Placed(members[k], output), members[k].Method, $"{apart}[{k}]{Shaped(members[k], output)}");
        }
    }

    // A map of several output sizes is cut where attention takes its heads from.
    private Placement Placed(PartSpec part, Placement output) =>
        output.Kind == PlacementKind.Sharded && output.Dim >= 2 ? S(2 + Cut(part)) : output;

    private int Cut(PartSpec part) => tracing.Cut.TryGetValue(part.Method, out var output) ? output : 0;

    private string Shaped(PartSpec part, Placement output)
    {
        if (part.Sizes.Count == 2)
        {
            return "";
        }

        var split = output.Kind == PlacementKind.Sharded && output.Dim >= 2;
        var sizes = part.Sizes.Skip(1).Select((s, k) => split && k == Cut(part) ? Share(s) : s);
        return $".unflatten(2, {string.Join(", ", sizes)})";
    }

    // Where a map of rows reads its input.
    private Placement RowInput => IsSerial ? I : SplitsFeatures ? S(2) : S(1);

    private void Row(StepSpec step, PartSpec part)
    {
        var x = step.Inputs[0];
        var flat = shapes[x].Length > 3 ? ".flatten(2)" : "";
        var of = insidesOfRows.TryGetValue(x, out var inside) ? $"{Names.Ops}.{inside}" : null;
        if (!SplitsFeatures)
        {
            of ??= $"{Names.Ops}.Linear({Need(x, RowInput)}{flat}";
            Make(step.Output, RowInput, part.Method, $"{of}, {Weight(part, IsSerial)}, {Bias(part, IsSerial)})");
            return;
        }

        Split(shapes[x].Length > 3 ? shapes[x][2] : Size.Of(part.Sizes[0]), $"the input of {part.Method}");
        of ??= $"{Names.Ops}.Linear({Need(x, RowInput)}{flat}";
        Use(part);
        var sum = Make(step.Output, P, part.Method, $"{of}, own.{Names.Weights(part)}.Weight)");
        if (part.Bias == "false")
        {
            return;
        }

        // The bias is added once: to the sum, not to its parts.
        var whole = Need(step.Output, Home);
        var bias = Bias(part, Home.Kind == PlacementKind.Invariant);
        Make(step.Output, Home, LocalNames.Word(sum), $"{Names.Shard}.Add({whole}, {bias})");
    }

    private void Attention(StepSpec step, PartSpec part)
    {
        var heads = IsSerial ? I : S(2);
        Split(Size.Of(part.Sizes[0]), $"the query heads of {part.Method}");
        Split(Size.Of(part.Sizes[1]), $"the key-value heads of {part.Method}", DegreeRule.DividesOrMultiple);
        var inputs = step.Inputs.Take(3).Select((value, k) =>
        {
            // Fewer key-value heads than ranks: each is sent to the several ranks whose queries share it.
            if (!IsSerial && k > 0 && scope.At(value).Equals(S(1)) && !scope.Held[value].Versions.ContainsKey(heads))
            {
                var name = names.New(LocalNames.Word(Primary(value)), Suffix(S(1)));
                scope.Body.Add(new Let(name, $"{Names.Shard}.Repeat({Need(value, S(1))}, {part.Sizes[1]}, tensor.Size)"));
                var step = algebra.Step(S(1), heads)!;
                return Collective(step, "tensor", name, LocalNames.Word(name), Elements(shapes[value], R), false);
            }

            return Need(value, heads);
        }).ToArray();
        Make(step.Output, heads, part.Method, PartEmitter.Attended(part, inputs, slot: AttentionSlot(part), split: !IsSerial));
    }

    private int AttentionSlot(PartSpec part) => block.Parts.Where(p => p.Kind == PartKind.Attention).TakeWhile(p => p.Method != part.Method).Count();

    private void Embedding(StepSpec step, PartSpec part)
    {
        var ids = step.Inputs[0];
        var table = part.Method;
        if (IsSerial || !IsVocabulary(part))
        {
            // Every rank looks up what it needs in a table of its own.
            var at = scope.At(ids).Kind == PlacementKind.Invariant && mode == Mode.Isp ? S(1) : scope.At(ids);
            Make(step.Output, at, table, $"{Names.Ops}.Embedding({Need(ids, at)}, {Weight(part, at.Kind == PlacementKind.Invariant)})");
            return;
        }

        if (mode == Mode.Isp)
        {
            Make(step.Output, S(1), table, $"{Names.Ops}.Embedding({Need(ids, S(1))}, {Weight(part, false)})");
            return;
        }

        // Cut by hidden columns: each rank finds its share of every row. Cut by entries: each finds its own rows, the rest are zero.
        Use(part);
        var weight = $"own.{Names.Weights(part)}.Weight";
        var outer = scope;
        var name = names.New(table, Suffix(Home));
        var sides = new List<Statement>[2];
        for (var side = 0; side < 2; side++)
        {
            scope = outer.Inner();
            if (side == 0)
            {
                Make(step.Output, S(2), table, $"{Names.Ops}.Embedding({Need(ids, I)}, {weight})");
            }
            else
            {
                Make(step.Output, P, table, $"{Names.Vocabulary}.Embedding(tensor, {Need(ids, I)}, {weight}, {part.Sizes[0]})");
            }

            var code = Need(step.Output, Home);
            scope.Body.Add(new Assign(name, code));
            sides[side] = scope.Body;
        }

        scope = outer;
        scope.Body.Add(new Compiling.Either($"own.Ranks.SplitsHidden({(TiedHead(part) is { } head ? head.Method + "Tied()" : "false")}, {part.Sizes[1]})", new[] { name }, sides[0], sides[1]));
        Hold(step.Output, Home, name);
    }

    /// <summary>Whether an embedding is looked up by the model's own input, so that its rows are the vocabulary's.</summary>
    private bool IsVocabulary(PartSpec part) => block.Forward.Any(s => s.Kind == StepKind.Part && s.Name == part.Method && s.Inputs[0] == 0);

    private PartSpec? TiedHead(PartSpec part) => block.Parts.FirstOrDefault(p => p.Kind == PartKind.Head && p.Extra2.Length > 0 && p.Extra == part.Method);

    private void Use(PartSpec part)
    {
        if (!weightOrder.Contains(part.Method))
        {
            weightOrder.Add(part.Method);
        }
    }

    // This rank's rows of a map whose outputs are spread over the ranks.
    private string SplitWeight(PartSpec part)
    {
        Use(part);
        var size = part.Sizes[1 + Cut(part)];
        var weight = $"own.{Names.Weights(part)}.Weight";
        if (!tracing.KeysOrValues.Contains(part.Method))
        {
            Split(Size.Of(size), $"the outputs of {part.Method}");
            return weight;
        }

        return Kept(part, "Weight", weight, size);
    }

    private string SplitBias(PartSpec part)
    {
        if (part.Bias == "false")
        {
            return "null";
        }

        var bias = $"own.{Names.Weights(part)}.Bias";
        return tracing.KeysOrValues.Contains(part.Method) ? Kept(part, "Bias", bias, part.Sizes[1 + Cut(part)]) : bias;
    }

    // Where there are fewer key-value heads than ranks every rank keeps all and uses one.
    private string Kept(PartSpec part, string which, string code, string heads)
    {
        var key = part.Method + which + "heads";
        if (scope.Weights.TryGetValue(key, out var made))
        {
            return made;
        }

        var step = algebra.Step(I, R)!;
        var number = NewSite(step, "tensor", part.Method, Names.Product(part.Sizes), true);
        var name = names.New(part.Method + which, "_S0");
        scope.Body.Add(new Let(
            name, $"{Names.Shard}.Heads(tensor, {code}, {heads}, {number})",
            $"site {number}: only where there are fewer of these heads than ranks: I → R, {Spoken(step)}, and this rank's head of it; backward: {Spoken(algebra.Dual(step)!)}"));
        return scope.Weights[key] = name;
    }

    /// <summary>A weight that every rank uses whole: as it is kept, copied for shares of the tokens, or gathered.</summary>
    private string Weight(PartSpec part, bool invariant)
    {
        Use(part);
        var code = $"own.{Names.Weights(part)}.Weight";
        return Whole(part, "", code, invariant, mode == Mode.Isp && part.Kind is not (PartKind.RmsNorm or PartKind.LayerNorm or PartKind.Router));
    }

    private string Bias(PartSpec part, bool invariant) =>
        part.Bias == "false" ? "null" : Whole(part, "Bias", $"own.{Names.Weights(part)}.Bias", invariant, false);

    private string Whole(PartSpec part, string which, string code, bool invariant, bool gathered)
    {
        if (IsSerial || (invariant && !gathered))
        {
            return code;
        }

        var key = part.Method + which + "whole";
        if (scope.Weights.TryGetValue(key, out var made))
        {
            return made;
        }

        var step = (gathered ? algebra.Step(S(0), R) : algebra.Step(I, R))!;
        var axis = gathered ? "weight" : "tensor";
        var count = which == "Bias" || part.Sizes.Count == 0 ? PartEmitter.Rows(part) : PartEmitter.Count(part);
        var number = NewSite(step, axis, part.Method, count, true);
        var name = names.New(part.Method + (which.Length == 0 ? "Weight" : which), "_R");
        var call = gathered
            ? $"{Names.Shard}.Gather({axis}, {code}, {PartEmitter.Rows(part)}, {number})"
            : which == "Bias" ? $"{Names.Shard}.Copy({axis}, {code}, {number})" : CollectiveCall(step, axis, code, number);
        scope.Body.Add(new Let(name, call, Comment(number, step, axis, algebra)));
        return scope.Weights[key] = name;
    }
}
