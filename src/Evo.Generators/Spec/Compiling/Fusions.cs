// Which steps of a forward read one value and can be one operator: found in the data flow alone, so that every mode may use them.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Emitting;

namespace Evo.Generators.Spec.Compiling;

/// <summary>Queries, keys and values of an attention that come out of one product.</summary>
/// <param name="Taken">The steps between the product and attention: views, and rotations of queries and keys.</param>
/// <param name="Outputs">The values that attention reads.</param>
/// <param name="Rope">The rotation, or null.</param>
/// <param name="Heads">Query heads as C#: <paramref name="KvHeads"/> times <paramref name="Group"/>, or a number of its own where that is empty.</param>
/// <param name="Size">Width of a head as C#.</param>
/// <param name="Group">Query heads of each key-value head where heads stand group by group; else empty.</param>
internal sealed record HeadsFusion(
    IReadOnlyList<StepSpec> Taken, IReadOnlyList<int> Outputs, PartSpec? Rope, string Heads, string KvHeads, string Size, string Group);

internal sealed class Fusions
{
    private readonly Dictionary<string, PartSpec> parts;
    private readonly Shapes shapes;
    private readonly Dictionary<int, List<StepSpec>> readers = new();

    public Fusions(BlockSpec block, Shapes shapes)
    {
        parts = block.Parts.ToDictionary(p => p.Method);
        this.shapes = shapes;
        Read(block.Forward);
    }

    /// <summary>The norm that reads a sum of two values of one shape; null where there is none among the steps of the same list.</summary>
    public StepSpec? NormOf(StepSpec sum, IReadOnlyList<StepSpec> steps) =>
        sum.Name == "+" && sum.Inputs.Count == 2 && sum.Inputs.All(i => shapes[i].SequenceEqual(shapes[sum.Output]))
            ? Readers(sum.Output, steps).FirstOrDefault(s => IsPart(s, PartKind.RmsNorm, PartKind.LayerNorm))
            : null;

    /// <summary>Whether what a norm reads is read again, by steps behind it in the list and by no others.</summary>
    public bool IsReadAgain(StepSpec norm, IReadOnlyList<StepSpec> steps)
    {
        var behind = steps.SkipWhile(s => s != norm).Skip(1).ToList();
        var others = readers[norm.Inputs[0]].Where(s => s != norm).ToList();
        return others.Count > 0 && others.All(behind.Contains);
    }

    /// <summary>The gate of two linear maps of one value, the gate's map being the first.</summary>
    public StepSpec? GateOf(IReadOnlyList<StepSpec> maps, IReadOnlyList<StepSpec> steps) =>
        maps.Count == 2 && maps.All(m => parts[m.Name].Sizes.Count == 2)
        && OnlyReader(maps[0].Output, steps) is { Kind: StepKind.Function, Name: "Gated" } gate
        && gate.Inputs.SequenceEqual(maps.Select(m => m.Output)) && OnlyReader(maps[1].Output, steps) == gate
            ? gate : null;

    /// <summary>The map of whole rows that alone reads what a gate or an activation gives.</summary>
    public StepSpec? RowOf(StepSpec inside, IReadOnlyList<StepSpec> steps) =>
        OnlyReader(inside.Output, steps) is { } row && IsPart(row, PartKind.Row) ? row : null;

    /// <summary>The activation of a linear map: of one with a bias, which it takes, or one that the next map takes with it.</summary>
    public StepSpec? ActivationOf(StepSpec map, IReadOnlyList<StepSpec> steps) =>
        parts[map.Name] is { Sizes.Count: 2 } part && OnlyReader(map.Output, steps) is { Kind: StepKind.Function, Name: "Activate" } activation
        && (part.Bias != "false" || RowOf(activation, steps) is not null)
            ? activation : null;

    /// <summary>An attention's heads out of linear maps of one value: three maps, or one whose outputs are taken apart by views.</summary>
    public HeadsFusion? HeadsOf(IReadOnlyList<StepSpec> maps, IReadOnlyList<StepSpec> steps)
    {
        var sizes = maps.Select(m => parts[m.Name].Sizes).ToList();
        if (maps.Count == 3 && sizes.All(s => s.Count == 3 && s[2] == sizes[0][2]) && sizes[1][1] == sizes[2][1])
        {
            return Into(maps.Select(m => m.Output).ToArray(), System.Array.Empty<StepSpec>(), sizes[0][1], sizes[1][1], sizes[0][2], "", steps);
        }

        if (maps.Count != 1 || sizes[0].Count != 4)
        {
            return null;
        }

        var (whole, views) = (maps[0].Output, Readers(maps[0].Output, steps));
        if (views.Count != 3 || readers[whole].Count != 3)
        {
            return null;
        }

        if (sizes[0][1] == "3" && views.All(v => IsView(v, "select", 2)) && views.Select(v => v.Arguments[1].Constant).SequenceEqual(new int?[] { 0, 1, 2 }))
        {
            return Into(views.Select(v => v.Output).ToArray(), views, sizes[0][2], sizes[0][2], sizes[0][3], "", steps);
        }

        // For each key-value head its queries, its key, its value.
        var group = views[0].Arguments.Count == 3 ? views[0].Arguments[2].Code : "";
        var flat = OnlyReader(views[0].Output, steps);
        if (IsView(views[0], "narrow", 3) && views[0].Arguments[1].Constant == 0 && flat is not null && IsView(flat, "flatten", 2) && flat.Arguments[1].Constant == 3
            && Size.Of(sizes[0][2]).Equals(Size.Of($"{Names.Atom(group)} + 2"))
            && IsView(views[1], "select", 3) && Size.Of(views[1].Arguments[1].Code).Equals(Size.Of(group))
            && IsView(views[2], "select", 3) && Size.Of(views[2].Arguments[1].Code).Equals(Size.Of($"{Names.Atom(group)} + 1")))
        {
            return Into(new[] { flat.Output, views[1].Output, views[2].Output }, views.Append(flat), "", sizes[0][1], sizes[0][3], group, steps);
        }

        return null;
    }

    // Queries and keys reach attention as they are, or through one rotation.
    private HeadsFusion? Into(int[] values, IEnumerable<StepSpec> views, string heads, string kvHeads, string size, string group, IReadOnlyList<StepSpec> steps)
    {
        var (taken, rope) = (views.ToList(), (PartSpec?)null);
        if (OnlyReader(values[0], steps) is { } turn && IsPart(turn, PartKind.Rope))
        {
            if (OnlyReader(values[1], steps) is not { } other || other.Kind != StepKind.Part || other.Name != turn.Name)
            {
                return null;
            }

            rope = parts[turn.Name];
            taken.AddRange(new[] { turn, other });
            values = new[] { turn.Output, other.Output, values[2] };
        }

        return OnlyReader(values[0], steps) is { } attention && IsPart(attention, PartKind.Attention)
            && attention.Inputs.Take(3).SequenceEqual(values) && values.All(v => OnlyReader(v, steps) == attention)
                ? new HeadsFusion(taken, values, rope, heads, kvHeads, size, group) : null;
    }

    private void Read(IReadOnlyList<StepSpec> steps)
    {
        foreach (var step in steps)
        {
            foreach (var value in step.Inputs.Distinct())
            {
                if (!readers.TryGetValue(value, out var found))
                {
                    readers[value] = found = new();
                }

                found.Add(step);
            }

            if (step.Kind == StepKind.Choice)
            {
                Read(step.Then);
                Read(step.Else);
            }
        }
    }

    // The steps of a list that read a value.
    private List<StepSpec> Readers(int value, IReadOnlyList<StepSpec> steps) =>
        readers.TryGetValue(value, out var found) ? found.Where(steps.Contains).ToList() : new();

    // The step that reads a value, where no other does and it stands in the list.
    private StepSpec? OnlyReader(int value, IReadOnlyList<StepSpec> steps) =>
        readers.TryGetValue(value, out var found) && found.Count == 1 && steps.Contains(found[0]) ? found[0] : null;

    private bool IsPart(StepSpec step, params PartKind[] kinds) => step.Kind == StepKind.Part && kinds.Contains(parts[step.Name].Kind);

    private static bool IsView(StepSpec step, string name, int dim) =>
        step.Kind == StepKind.TensorMethod && step.Name == name && step.Arguments.Count > 1 && step.Arguments[0].Constant == dim;
}
