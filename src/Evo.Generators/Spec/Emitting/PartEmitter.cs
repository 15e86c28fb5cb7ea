// The serial body of each part.
using System.Linq;

namespace Evo.Generators.Spec.Emitting;

internal static class PartEmitter
{
    public static void Write(SourceWriter writer, PartSpec part, int slot)
    {
        var types = part.Parameters.Select((name, i) => $"{(i == part.Parameters.Count - 1 && part.Kind is PartKind.Layers or PartKind.Rope or PartKind.Attention ? Names.Positions : Names.Tensor)} {name}");
        Names.Summary(writer, part.Doc.Length > 0 ? part.Doc : Describe(part));
        var head = $"{part.Modifiers} {Names.Tensor} {part.Method}({string.Join(", ", types)})";
        var x = part.Parameters[0];
        writer.Line($"{head} =>");
        writer.Line($"    {(part.Kind == PartKind.Rope ? $"{Names.Shard}.Rotate({x}, {part.Parameters[1]}, {Names.Module}.{Names.Table(part)})" : Body(part, x, slot))};");

        writer.Line();
    }

    private static string Body(PartSpec part, string x, int slot)
    {
        var own = $"{Names.Module}.{Names.Weights(part)}";
        return part.Kind switch
        {
            PartKind.Layers => $"{Names.Module}.Run({Names.Module}.{Names.Modules(part)}, {x}, {part.Parameters[1]})",
            PartKind.Head => $"{Names.Ops}.Linear({x}, {HeadTable(part, $"{Names.Module}.{part.Method}Table")})",
            PartKind.Row => Expression(part, new[] { x + ".flatten(2)" }, own + ".Weight", own + ".Bias"),
            PartKind.Experts => Mixed(part, x, $"{Names.Module}.Routed({part.Parameters[1]}, {part.Sizes[3]})", own + ".Gate?.Weight", own + ".Up.Weight", own + ".Down.Weight", Names.Module),
            PartKind.Router => Routed(part, x, own + ".Weight", Names.Module),
            PartKind.Dropout => Dropped(part, x, Names.Module),
            PartKind.Attention => Attended(part, part.Parameters.Take(3).ToArray(), slot, false, Names.Module, part.Parameters[3]),
            _ => Expression(part, new[] { x }, own + ".Weight", own + ".Bias"),
        };
    }

    /// <summary>A part of its inputs and weights, as C#; what is the same on every device.</summary>
    public static string Expression(PartSpec part, string[] inputs, string weight, string bias)
    {
        var x = inputs[0];
        switch (part.Kind)
        {
            case PartKind.Embedding:
                return $"{Names.Ops}.Embedding({x}, {weight})";
            case PartKind.Column or PartKind.Linear when part.Sizes.Count > 2:
                // Several output sizes give the result its shape.
                return $"{Names.Ops}.Linear({x}, {weight}, {bias}).unflatten(2, {string.Join(", ", part.Sizes.Skip(1))})";
            case PartKind.Column or PartKind.Linear or PartKind.Row:
                return $"{Names.Ops}.Linear({x}, {weight}, {bias})";
            default:
                return Norm(part, "", x, weight, bias);
        }
    }

    /// <summary>A norm together with the sum that it reads, as C#: both are its value.</summary>
    public static string Summed(PartSpec part, string a, string b, string weight, string bias) =>
        Norm(part, "Add", $"{a}, {b}", weight, bias);

    /// <summary>A norm together with what it reads, for others, as C#: both are its value.</summary>
    public static string Passed(PartSpec part, string x, string weight, string bias) => Norm(part, "Pass", x, weight, bias);

    private static string Norm(PartSpec part, string prefix, string inputs, string weight, string bias) => part.Kind == PartKind.RmsNorm
        ? $"{Names.Ops}.{prefix}RmsNorm({inputs}, {weight}, {part.Sizes[1]}{(part.Flag == "false" ? "" : ", offset: " + part.Flag)})"
        : $"{Names.Ops}.{prefix}LayerNorm({inputs}, {weight}, {bias}, {part.Sizes[1]})";

    /// <summary>A value with a share of its elements dropped.</summary>
    /// <param name="spread">Behind the share: how the value is spread over ranks, or nothing.</param>
    public static string Dropped(PartSpec part, string x, string module, string spread = "") => $"{module}.Random.Dropout({x}, {part.Sizes[0]}{spread})";

    /// <summary>A router's logits.</summary>
    /// <param name="spread">Behind the jitter: the ranks that have the other tokens, or nothing.</param>
    public static string Routed(PartSpec part, string x, string weight, string module, string spread = "") =>
        $"{Names.Ops}.Linear({(part.Extra2 == "0" ? x : $"{module}.Random.Jitter({x}, {part.Extra2}{spread})")}, {weight})";

    /// <summary>Attention of queries, keys and values; where heads are split, of this rank's.</summary>
    public static string Attended(PartSpec part, string[] inputs, int slot, bool split, string module = "own", string at = "at")
    {
        var scale = part.Extra.Length > 0 ? part.Extra : $"1 / global::System.Math.Sqrt({part.Sizes[2]})";
        var dropout = part.Extra2 == "0" ? "null" : $"{module}.Random.Attention({part.Extra2}, {part.Sizes[0]}{(split ? ", tensor" : "")})";
        var window = part.Window == "0" ? "" : $", window: {part.Window}";
        var slopes = split ? $"{Names.Shard}.Own(tensor, {at}.AlibiSlopes({part.Sizes[0]}), 0)" : $"{at}.AlibiSlopes({part.Sizes[0]})";
        var alibi = part.Alibi switch
        {
            "false" => "",
            "true" => $", alibiSlopes: {slopes}",
            var condition => $", alibiSlopes: {condition} ? {slopes} : null",
        };
        return $"{at}.Attend({module}.FirstSlot + {slot}, {string.Join(", ", inputs)}, {scale}, {dropout}{window}{alibi})";
    }

    /// <summary>
    /// Experts over tokens and router's logits. The logits pass through the module, which keeps them for the auxiliary loss.
    /// </summary>
    /// <param name="spread">Before the first argument: the group and site of experts that are spread over ranks, or nothing.</param>
    /// <param name="tokens">Behind a random choice: the ranks that have the other tokens, or nothing.</param>
    /// <param name="counted">Behind the last: the groups whose tokens a capacity counts, or nothing.</param>
    public static string Mixed(PartSpec part, string x, string logits, string gate, string up, string down, string module, string spread = "", string tokens = "", string counted = "")
    {
        var experts = part.Experts!;
        var random = (experts.Sampled == "false" ? "" : $", noise: {module}.Random.Noise({experts.Sampled}, {part.Sizes[2]}{tokens})")
            + (experts.ByLot == "false" ? "" : $", lots: {module}.Random.Lots({experts.ByLot}{tokens})");
        var capacity = experts.Capacity.Length == 0 ? ""
            : experts.EvalCapacity.Length == 0 ? $", {experts.Capacity}, {experts.MinCapacity}"
            : $", {module}.training ? {experts.Capacity} : {experts.EvalCapacity}, {experts.MinCapacity}";
        return $"{(spread.Length == 0 ? Names.Ops : Names.Experts)}.MixtureOfExperts({spread}{x}, {logits}, {part.Sizes[3]}, {experts.Normalize}, "
            + $"{(experts.Activation.Length == 0 ? "\"silu\"" : experts.Activation)}, {gate}, {up}, {down}{capacity}{random}{counted})";
    }

    /// <summary>The head's table as it meets the hidden states: as it is, or its rows over their lengths.</summary>
    public static string HeadTable(PartSpec part, string table) => part.Flag switch
    {
        "false" => table,
        "true" => $"{Names.Ops}.UnitRows({table})",
        var condition => $"({condition} ? {Names.Ops}.UnitRows({table}) : {table})",
    };

    /// <summary>Rotary positions of some heads at some places.</summary>
    public static string Rotated(PartSpec part, string x, string places) => $"{Names.Shard}.Rotate({x}, {places}, own.{Names.Table(part)})";

    /// <summary>Rows of a part's weight, as C#.</summary>
    public static string Rows(PartSpec part) => part.Kind switch
    {
        PartKind.Column or PartKind.Linear => Names.Product(part.Sizes.Skip(1)),
        PartKind.Row or PartKind.Head or PartKind.Router => part.Sizes[1],
        _ => part.Sizes[0],
    };

    /// <summary>Numbers of a part's weight, as C#.</summary>
    public static string Count(PartSpec part) =>
        part.Kind is PartKind.RmsNorm or PartKind.LayerNorm ? part.Sizes[0] : Names.Product(part.Sizes);

    private static string Describe(PartSpec part)
    {
        var sizes = part.SizeTexts.ToList();
        return part.Kind switch
        {
            PartKind.Layers => $"{sizes[0]} layers one after the other.",
            PartKind.Embedding => $"Rows of a table of {sizes[0]} by {sizes[1]}.",
            PartKind.Head => $"Logits: {sizes[0]} to {sizes[1]}.",
            PartKind.Router => $"Logits of {sizes[1]} for each token.",
            PartKind.Experts => $"The best {sizes[3]} of {sizes[2]} experts of each token, each an MLP of {sizes[0]} through {sizes[1]}.",
            PartKind.Column or PartKind.Row or PartKind.Linear => $"Linear map of {sizes[0]} to {string.Join(" by ", sizes.Skip(1))}.",
            PartKind.RmsNorm => $"Root mean square norm over {sizes[0]}.",
            PartKind.LayerNorm => $"Layer norm over {sizes[0]}.",
            PartKind.Rope => "Rotary position of each head.",
            PartKind.Attention => $"Causal attention of {sizes[0]} heads over {sizes[1]} key-value heads.",
            _ => $"Drops a share of {sizes[0]} in training.",
        };
    }
}
