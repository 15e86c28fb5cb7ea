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
        if (part.Kind == PartKind.Rope)
        {
            var at = part.Parameters[1];
            writer.Open(head);
            writer.Line($"var (cos_BTD, sin_BTD) = {at}.Rotary({Names.Module}.{Names.Table(part)}, {x}.dtype);");
            writer.Line($"return {Names.Ops}.Rope({x}, cos_BTD, sin_BTD);");
            writer.Close();
        }
        else
        {
            writer.Line($"{head} =>");
            writer.Line($"    {Body(part, x, slot)};");
        }

        writer.Line();
    }

    private static string Body(PartSpec part, string x, int slot)
    {
        var own = $"{Names.Module}.{Names.Weights(part)}";
        switch (part.Kind)
        {
            case PartKind.Layers:
                return $"{Names.Module}.Run({Names.Module}.{Names.Modules(part)}, {x}, {part.Parameters[1]})";
            case PartKind.Embedding:
                return $"{Names.Ops}.Embedding({x}, {own}.Weight)";
            case PartKind.Head:
                return $"{Names.Ops}.Linear({x}, {Names.Module}.{part.Method}Table)";
            case PartKind.Column or PartKind.Linear when part.Sizes.Count == 2:
                return $"{Names.Ops}.Linear({x}, {own}.Weight, {own}.Bias)";
            case PartKind.Router:
                return $"{Names.Ops}.Linear({x}, {own}.Weight)";
            case PartKind.Experts:
                return Experts(part, x, own);
            case PartKind.Column or PartKind.Linear:
                // Several output sizes give the result its shape.
                return $"{Names.Ops}.Linear({x}, {own}.Weight, {own}.Bias).view({x}.shape[0], {x}.shape[1], {string.Join(", ", part.Sizes.Skip(1))})";
            case PartKind.Row:
                // Heads and their size, where they come apart, are one axis again.
                return $"{Names.Ops}.Linear({x}.flatten(2), {own}.Weight, {own}.Bias)";
            case PartKind.RmsNorm:
                return $"{Names.Ops}.RmsNorm({x}, {own}.Weight, {part.Sizes[1]})";
            case PartKind.LayerNorm:
                return $"{Names.Ops}.LayerNorm({x}, {own}.Weight, {own}.Bias, {part.Sizes[1]})";
            case PartKind.Attention:
                var scale = part.Extra.Length > 0 ? part.Extra : $"1 / global::System.Math.Sqrt({part.Sizes[2]})";
                var dropout = part.Extra2 == "0" ? "0" : $"{Names.Module}.training ? {part.Extra2} : 0";
                var at = part.Parameters[3];
                return $"{at}.Attend({Names.Module}.FirstSlot + {slot}, {string.Join(", ", part.Parameters.Take(3))}, {scale}, {dropout})";
            default:
                return $"{Names.Module}.training && {Names.Atom(part.Sizes[0])} > 0 ? {Names.Functional}.dropout({x}, {part.Sizes[0]}, true) : {x}";
        }
    }

    // The router's logits pass through the module, which keeps them for the auxiliary loss.
    private static string Experts(PartSpec part, string x, string own)
    {
        var experts = part.Experts!;
        var capacity = experts.Capacity.Length == 0 ? ""
            : experts.EvalCapacity.Length == 0 ? $", {experts.Capacity}, {experts.MinCapacity}"
            : $", {Names.Module}.training ? {experts.Capacity} : {experts.EvalCapacity}, {experts.MinCapacity}";
        return $"{Names.Ops}.MixtureOfExperts({x}, {Names.Module}.Routed({part.Parameters[1]}, {part.Sizes[3]}), {part.Sizes[3]}, {experts.Normalize}, "
            + $"{(experts.Activation.Length == 0 ? "\"silu\"" : experts.Activation)}, {own}.Gate?.Weight, {own}.Up.Weight, {own}.Down.Weight{capacity})";
    }

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
