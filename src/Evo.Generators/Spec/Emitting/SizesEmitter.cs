// Which of a record's numbers are sizes, and of what: read off the parts that use them, so that a model can be made small or large
// without knowing what its properties are called.
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace Evo.Generators.Spec.Emitting;

internal static class SizesEmitter
{
    public static void Write(SourceWriter writer, ModelSpec spec)
    {
        var settable = spec.Properties.Where(p => p.Type is PropertyType.Int or PropertyType.NullableInt).ToList();
        writer.Line("/// <inheritdoc/>");
        writer.Line($"public override global::System.Collections.Generic.IReadOnlyList<{Names.Models}SizeProperty> SizeProperties =>");
        writer.Line("[");
        foreach (var p in settable)
        {
            writer.Line($"    new({Names.Quote(p.Name)}, {Names.Models}SizeRole.{Role(spec, p)}, {p.Name}),");
        }

        writer.Line("];");
        writer.Line();
        writer.Line("/// <inheritdoc/>");
        writer.Open($"public override {Names.Models}CausalLM Resized(string property, int? value) => property switch");
        foreach (var p in settable)
        {
            writer.Line($"{Names.Quote(p.Name)} => this with {{ {p.Name} = value{(p.Type == PropertyType.NullableInt ? "" : $" ?? {p.Name}")} }},");
        }

        writer.Line("_ => throw new global::System.ArgumentException($\"{property} is no size of this model\", nameof(property)),");
        writer.Close("};");
        writer.Line();
    }

    private static string Role(ModelSpec spec, PropertySpec property)
    {
        var blocks = new[] { spec.Body }.Concat(spec.Layers).ToList();
        bool Is(string? size) => size is not null && (Bare(size) == property.Name || property.AlsoCalled.Contains(Bare(size)));
        bool Uses(string size) => Regex.Matches(size, "[A-Za-z_][A-Za-z0-9_]*").Cast<Match>().Any(m => m.Value == property.Name || property.AlsoCalled.Contains(m.Value));
        IEnumerable<PartSpec> Of(params PartKind[] kinds) => blocks.SelectMany(b => b.Parts).Where(p => kinds.Contains(p.Kind));
        var vocabulary = spec.Body.Forward.Where(s => s.Kind == StepKind.Part && s.Inputs.Any(i => i == 0)).Select(s => s.Name).ToList();
        return Of(PartKind.Layers).Any(p => Is(p.Sizes[0])) ? "Layers"
            : Of(PartKind.Head).Any(p => Is(p.Sizes[1])) ? "Vocabulary"
            : Of(PartKind.Embedding).Any(p => !vocabulary.Contains(p.Method) && Is(p.Sizes[0])) || Of(PartKind.Rope).Any(p => Is(p.Extra2)) ? "Positions"
            : Of(PartKind.Embedding).Any(p => Is(p.Sizes[1])) ? "Width"
            : Of(PartKind.Attention).Any(p => Is(p.Sizes[0])) ? "Heads"
            : Of(PartKind.Attention).Any(p => Is(p.Sizes[1])) ? "KvHeads"
            : Of(PartKind.Attention).Any(p => Is(p.Sizes[2])) ? "HeadSize"
            : Of(PartKind.Attention).Any(p => Uses(p.Window)) ? "Window"
            : Of(PartKind.Experts).Any(p => Is(p.Sizes[2])) ? "Experts"
            : Of(PartKind.Experts).Any(p => Is(p.Sizes[3])) ? "Choices"
            : Of(PartKind.Column, PartKind.Row, PartKind.Linear).SelectMany(p => p.Sizes).Concat(Of(PartKind.Experts).Select(p => p.Sizes[1])).Any(Uses) ? "Inner"
            : "Other";
    }

    private static string Bare(string size) => size.Substring(size.LastIndexOf('.') + 1);
}
