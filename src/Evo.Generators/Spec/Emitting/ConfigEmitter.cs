// config.json both ways, and the rules that its numbers keep.
using System.Linq;
using Evo.Generators.Spec.Compiling;

namespace Evo.Generators.Spec.Emitting;

internal static class ConfigEmitter
{
    public static void Problems(SourceWriter writer, ModelSpec spec)
    {
        writer.Line("/// <inheritdoc/>");
        writer.Open($"public override global::System.Collections.Generic.IReadOnlyList<string> Problems({Names.Models}KeyNames names = {Names.Models}KeyNames.HuggingFace)");
        writer.Line($"var rules = new {Names.Models}Rules(names);");
        foreach (var p in spec.Properties.Where(p => p.Type is PropertyType.Int or PropertyType.NullableInt))
        {
            writer.Line(p.Least == 1 ? $"rules.Positive({Shown(p)}, {p.Name});" : $"rules.AtLeast({Shown(p)}, {p.Name}, {p.Least});");
        }

        foreach (var p in spec.Properties.Where(p => p.OneOf.Count > 0))
        {
            var rule = $"rules.OneOf({Shown(p)}, {p.Name}, {List(p.OneOf)});";
            writer.Line(p.Type == PropertyType.NullableText ? $"if ({p.Name} is not null)" : rule);
            if (p.Type == PropertyType.NullableText)
            {
                writer.Line("    " + rule);
            }
        }

        foreach (var d in spec.Divides)
        {
            var rule = $"rules.Divides({Known(spec, d.DivisorText)}, {d.Divisor}, {Known(spec, d.DividendText)}, {d.Dividend}, {Names.Quote(d.Because)});";
            writer.Line(d.Unless.Length == 0 ? rule : $"if ({d.Unless} is null)");
            if (d.Unless.Length > 0)
            {
                writer.Line("    " + rule);
            }
        }

        writer.Line("if (rules.Found.Count > 0)");
        writer.Line("    return rules.Found; // what follows divides by these sizes");
        writer.Line("Check(rules);");
        PartRules(writer, spec, spec.Body);
        foreach (var layers in spec.Body.Parts.Where(p => p.Kind == PartKind.Layers))
        {
            var layer = spec.Layers.First(l => l.FullName == layers.Extra);
            // Layers that differ in what they hold are all asked.
            var each = layer.Parts.Any(p => p.Kind == PartKind.Experts && Presence.IsConditional(layer, p));
            if (each)
            {
                writer.Line($"for (int layer = 0; layer < {layers.Sizes[0]}; layer++)");
            }

            writer.Line($"{(each ? "    " : "")}{ModuleEmitter.NewLayer(layer, "this", each ? "layer" : "0")}.Check(rules);");
        }

        writer.Line("return rules.Found;");
        writer.Close();
        writer.Line();
    }

    /// <summary>A layer's own rules.</summary>
    public static void PartProblems(SourceWriter writer, ModelSpec spec, BlockSpec block)
    {
        writer.Line("/// <summary>The rules that this layer's parts need.</summary>");
        writer.Open($"internal void Check({Names.Models}Rules rules)");
        PartRules(writer, spec, block);
        writer.Close();
        writer.Line();
    }

    private static void PartRules(SourceWriter writer, ModelSpec spec, BlockSpec block)
    {
        string Known(string text) => ConfigEmitter.Known(spec, text);
        var prefix = block.ModelParameter.Length == 0 ? "" : block.ModelParameter + ".";
        string Spoken(string code) => Known(prefix.Length > 0 ? code.Replace(prefix, "") : code);
        foreach (var part in block.Parts)
        {
            switch (part.Kind)
            {
                case PartKind.RmsNorm or PartKind.LayerNorm:
                    writer.Line($"rules.Above({Known(part.SizeTexts[1])}, {part.Sizes[1]}, orZero: true);");
                    break;
                case PartKind.Rope:
                    writer.Line($"rules.Above({Known(part.SizeTexts[1])}, {part.Sizes[1]});");
                    writer.Line($"rules.Even({Known(part.SizeTexts[0])}, {part.Sizes[0]});");
                    if (part.Extra.Length > 0)
                    {
                        writer.Line($"rules.All({part.Extra}?.Problems({part.Extra2}));");
                    }

                    break;
                case PartKind.Attention:
                    writer.Line($"rules.Divides({Known(part.SizeTexts[1])}, {part.Sizes[1]}, {Known(part.SizeTexts[0])}, {part.Sizes[0]}, \"query heads share key-value heads evenly\");");
                    if (part.Extra2 != "0")
                    {
                        writer.Line($"rules.Share({Spoken(part.Extra2)}, {part.Extra2});");
                    }

                    break;
                case PartKind.Experts:
                    if (Presence.IsConditional(block, part))
                    {
                        writer.Line($"if ({Presence.Member(part)}())");
                    }

                    writer.Line($"{(Presence.IsConditional(block, part) ? "    " : "")}rules.AtMost({Known(part.SizeTexts[3])}, {part.Sizes[3]}, {Known(part.SizeTexts[2])}, {part.Sizes[2]}, \"a token chooses among the experts\");");
                    break;
                case PartKind.Dropout:
                    writer.Line($"rules.Share({Known(part.SizeTexts[0])}, {part.Sizes[0]});");
                    break;
            }
        }

        foreach (var init in block.Parts.SelectMany(p => new[] { p.Init, p.Experts?.DownInit ?? "" }).Distinct().Where(i => IsName(prefix.Length > 0 ? i.Replace(prefix, "") : i)))
        {
            writer.Line($"rules.Above({Spoken(init)}, {init}, orZero: true);");
        }

        // What the data flow needs to be equal, and is not by its form.
        foreach (var (found, wanted, where, condition) in Shapes.OfBlock(block).Assumed)
        {
            writer.Line($"{(condition.Length > 0 ? $"if ({condition}) " : "")}rules.Equal({Spoken(found.Code)}, {found.Code}, {Spoken(wanted.Code)}, {wanted.Code}, {Names.Quote($"they meet in {block.Name}'s {where}")});");
        }
    }

    private static bool IsName(string code) => code.Length > 0 && char.IsLetter(code[0]) && code.All(c => char.IsLetterOrDigit(c) || c == '_');

    public static void Write(SourceWriter writer, ModelSpec spec)
    {
        writer.Line("/// <inheritdoc/>");
        writer.Open($"public override {Names.JsonObject} ToHuggingFace()");
        writer.Line($"var json = new {Names.JsonObject}");
        writer.Line("{");
        writer.Line($"    [\"architectures\"] = new global::System.Text.Json.Nodes.JsonArray({Names.Quote(spec.Architecture)}),");
        writer.Line($"    [\"model_type\"] = {Names.Quote(spec.ModelType)},");
        writer.Line("};");
        foreach (var p in spec.Properties.Where(p => p.HfKey.Length > 0))
        {
            var dot = p.HfKey.IndexOf('.');
            var place = dot < 0 ? $"json[{Names.Quote(p.HfKey)}]"
                : $"{Names.Models}NestedKeys.Inside(json, {Names.Quote(p.HfKey.Substring(0, dot))})[{Names.Quote(p.HfKey.Substring(dot + 1))}]";
            switch (p.Type)
            {
                case PropertyType.NullableInt or PropertyType.NullableDouble or PropertyType.NullableBool or PropertyType.NullableText:
                    writer.Line($"if ({p.Name} is {{ }} {Names.Local(p.Name)})");
                    writer.Line($"    {place} = {Names.Local(p.Name)};");
                    break;
                case PropertyType.Value:
                    writer.Line($"if ({p.Name} is {{ }} {Names.Local(p.Name)})");
                    writer.Line($"    {place} = {Names.Local(p.Name)}.ToHuggingFace();");
                    break;
                default:
                    writer.Line($"{place} = {p.Name};");
                    break;
            }
        }

        writer.Line("Extras.WriteTo(json);");
        writer.Line("return json;");
        writer.Close();
        writer.Line();
    }

    public static void Read(SourceWriter writer, ModelSpec spec)
    {
        writer.Line("/// <summary>Reads a config.json: every key is honoured, known to be neutral, or refused by name.</summary>");
        writer.Open($"private static {Names.Models}CausalLM ReadHuggingFace({Names.JsonObject} json)");
        writer.Line($"var read = new {Names.Models}ConfigReader(json, \"config.json ({spec.Architecture})\");");
        writer.Line($"read.Architecture({Names.Quote(spec.Architecture)}, {Names.Quote(spec.ModelType)});");
        writer.Line($"var fallback = new {spec.Body.Name}();");
        writer.Line($"var spec = new {spec.Body.Name}");
        writer.Line("{");
        foreach (var p in spec.Properties.Where(p => p.HfKey.Length > 0))
        {
            writer.Line($"    {p.Name} = {ReadOne(p, p.HfKey, "fallback." + p.Name)},");
        }

        writer.Line("};");
        foreach (var only in spec.Only)
        {
            // A property's name stands for its value.
            var value = only.Value.Length > 0 && (char.IsLetter(only.Value[0]) && only.Value is not ("true" or "false")) ? "spec." + only.Value : only.Value;
            writer.Line($"read.Only({Names.Quote(only.Key)}, {value}, {Names.Quote(only.Because)});");
        }

        if (spec.Neutral.Count > 0)
        {
            writer.Line($"read.Neutral({List(spec.Neutral)});");
        }

        writer.Line("return read.Finish(spec with { Extras = read.Rest() });");
        writer.Close();
        writer.Line();
    }

    /// <summary>The call that reads one property under a key.</summary>
    public static string ReadOne(PropertySpec p, string key, string fallback)
    {
        var quoted = Names.Quote(key);
        return p.Type switch
        {
            PropertyType.Int or PropertyType.NullableInt => $"read.Int({quoted}, {fallback})",
            PropertyType.Double or PropertyType.NullableDouble => $"read.Double({quoted}, {fallback})",
            PropertyType.Bool or PropertyType.NullableBool => $"read.Bool({quoted}, {fallback})",
            PropertyType.NullableText => $"read.TextOrNull({quoted}, {fallback}{(p.OneOf.Count > 0 ? ", " + List(p.OneOf) : "")})",
            PropertyType.Text => $"read.Text({quoted}, {fallback}{(p.OneOf.Count > 0 ? ", " + List(p.OneOf) : "")})",
            _ => $"read.Value<{p.TypeName}>({quoted})",
        };
    }

    public static string List(System.Collections.Generic.IEnumerable<string> texts) => string.Join(", ", texts.Select(Names.Quote));

    // A person knows a size by its key, which config.json and a run call by different names; one that is computed of several
    // has none and keeps its own.
    private static string Known(ModelSpec spec, string text) =>
        spec.Properties.FirstOrDefault(p => p.Name == text || p.AlsoCalled.Contains(text)) is { } p ? Shown(p) : Names.Quote(text);

    private static string Shown(PropertySpec p)
    {
        var (hf, run) = (p.HfKey.Length > 0 ? p.HfKey : p.RunKey, p.RunKey.Length > 0 ? p.RunKey : p.HfKey);
        return hf == run ? Names.Quote(hf) : $"rules.Name({Names.Quote(hf)}, {Names.Quote(run)})";
    }
}
