// The generated half of a model record, and of each of its layers.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Algebra;
using Evo.Generators.Spec.Compiling;

namespace Evo.Generators.Spec.Emitting;

internal static class ModelEmitter
{
    public static IEnumerable<(string Name, string Text)> Emit(ModelSpec spec, AlgebraTable algebra)
    {
        var programs = Programs.Of(spec, algebra);
        yield return (HintName(spec.Body.Namespace, spec.Body.Name), Model(spec, programs));
        foreach (var layer in spec.Layers)
        {
            yield return (HintName(layer.Namespace, layer.Name), Layer(layer, spec, programs));
        }
    }

    public static string HintName(string space, string name) => (space.Length == 0 ? "" : space + ".") + name + ".g.cs";

    private static string Model(ModelSpec spec, Programs programs)
    {
        var writer = new SourceWriter();
        var block = spec.Body;
        FileHeader.Write(writer, block, $"module, parameter table, Hugging Face mapping and keys of {spec.Family}");
        writer.Open($"partial record {block.Name}");
        writer.Line($"private {Names.Models}Bound<Module> {Names.Bound};");
        writer.Line();
        Parts(writer, block);
        ModeEmitter.Forwards(writer, block, programs);
        ModeEmitter.Heads(writer, spec, programs);
        PlanEmitter.Plan(writer, block, programs);
        Overrides(writer, spec);
        ConfigEmitter.Problems(writer, spec);
        ConfigEmitter.Write(writer, spec);
        ConfigEmitter.Read(writer, spec);
        KeysEmitter.Family(writer, spec);
        KeysEmitter.Read(writer, spec);
        ModuleEmitter.Model(writer, spec);
        writer.Close();
        return writer.ToString();
    }

    private static string Layer(BlockSpec block, ModelSpec spec, Programs programs)
    {
        var writer = new SourceWriter();
        FileHeader.Write(writer, block, $"a layer of {spec.Body.Name}");
        writer.Open($"partial record {block.Name}");
        writer.Line($"private {Names.Models}Bound<Module> {Names.Bound};");
        writer.Line();
        Parts(writer, block);
        ModeEmitter.Forwards(writer, block, programs);
        PlanEmitter.Plan(writer, block, programs);
        writer.Line("/// <summary>Adds this layer's parameters to a table, their names behind the given beginnings.</summary>");
        writer.Open($"internal void Describe({Names.Models}ParameterTable table, string name, string huggingFace, int layer)");
        TableEmitter.Parameters(writer, block, []);
        writer.Close();
        writer.Line();
        writer.Line("/// <summary>Counts the operations of one forward pass of this layer.</summary>");
        writer.Open($"internal void CountForward({Names.Models}FlopCounter counter)");
        TableEmitter.Flops(writer, block, []);
        writer.Close();
        writer.Line();
        Sizes(writer, block);
        ConfigEmitter.PartProblems(writer, spec, block);
        ModuleEmitter.Layer(writer, block);
        writer.Close();
        return writer.ToString();
    }

    // Read off the data flow: the last map back into the residual stream is the MLP's, and what is as wide as its input
    // and made by two maps has a gate.
    private static void Sizes(SourceWriter writer, BlockSpec block)
    {
        var attention = block.Parts.FirstOrDefault(p => p.Kind == PartKind.Attention);
        var down = block.Parts.LastOrDefault(p => p.Kind == PartKind.Row);
        var experts = block.Parts.LastOrDefault(p => p.Kind == PartKind.Experts);
        var gated = experts is not null ? experts.Experts!.Gate.Length > 0 : down is not null && block.Parts.Count(p => p.Kind == PartKind.Column && p.SizeTexts.Skip(1).SequenceEqual(new[] { down.SizeTexts[0] })) > 1;
        writer.Line("/// <summary>Sizes of this layer, for planners and caches.</summary>");
        writer.Line("internal (int heads, int kvHeads, int headSize, int attentions, int inner, bool gated) Sizes() =>");
        var ropes = block.Parts.Where(p => p.Kind == PartKind.Rope).Select(p => p.Method + "Rotary().StableUpTo").ToList();
        writer.Line($"    ({(attention is null ? "0, 0, 0" : string.Join(", ", attention.Sizes))}, {block.Parts.Count(p => p.Kind == PartKind.Attention)}, {experts?.Sizes[1] ?? down?.Sizes[0] ?? "0"}, {(gated ? "true" : "false")});");
        writer.Line();
        writer.Line("/// <summary>The longest sequence up to which cached keys stay right.</summary>");
        writer.Line($"internal long CacheLimit() => {ropes.Aggregate("long.MaxValue", (all, one) => all == "long.MaxValue" ? one : $"global::System.Math.Min({all}, {one})")};");
        writer.Line();
    }

    private static void Parts(SourceWriter writer, BlockSpec block)
    {
        var slot = 0;
        foreach (var part in block.Parts)
        {
            PartEmitter.Write(writer, part, slot);
            slot += part.Kind == PartKind.Attention ? 1 : 0;
        }

        foreach (var part in block.Parts)
        {
            var member = part.Kind switch
            {
                PartKind.Layers => $"internal int {part.Method}Count() => {part.Sizes[0]};",
                PartKind.Embedding => $"internal int {part.Method}Rows() => {part.Sizes[0]};",
                PartKind.Head when part.Extra2.Length > 0 => $"internal bool {part.Method}Tied() => {part.Extra2};",
                PartKind.Rope => $"internal {Names.Models}RotaryTable {part.Method}Rotary() => new({part.Sizes[0]}, {part.Sizes[1]}, {(part.Extra.Length == 0 ? "null" : part.Extra)}, {part.Extra2});",
                _ => "",
            };
            if (member.Length > 0)
            {
                writer.Line(member);
                writer.Line();
            }

            if (Presence.IsConditional(block, part))
            {
                writer.Line($"internal bool {Presence.Member(part)}() => {Presence.Condition(block, part)};");
                writer.Line();
            }
        }
    }

    private static void Overrides(SourceWriter writer, ModelSpec spec)
    {
        var block = spec.Body;
        writer.Line("/// <inheritdoc/>");
        writer.Open($"public override global::System.Collections.Generic.IReadOnlyList<{Names.Models}ParameterInfo> Parameters");
        writer.Open("get");
        writer.Line($"var table = new {Names.Models}ParameterTable();");
        TableEmitter.Parameters(writer, block, spec.Layers);
        writer.Line("return table.Rows;");
        writer.Close();
        writer.Close();
        writer.Line();

        var head = block.Parts.First(p => p.Kind == PartKind.Head);
        var layers = block.Parts.First(p => p.Kind == PartKind.Layers);
        var layer = spec.Layers.First(l => l.FullName == layers.Extra);
        var most = spec.Properties.FirstOrDefault(p => p.RunKey == "max_position_embeddings");
        writer.Line("/// <inheritdoc/>");
        writer.Open($"public override {Names.Models}ModelSize Size");
        writer.Open("get");
        writer.Line($"var (heads, kvHeads, headSize, attentions, inner, gated) = {ModuleEmitter.NewLayer(layer, "this", "0")}.Sizes();");
        writer.Line($"return new({head.Sizes[1]}, {head.Sizes[0]}, {layers.Sizes[0]}, heads, kvHeads, headSize, inner, {Whole(most)}, gated, attentions * {Names.Atom(layers.Sizes[0])});");
        writer.Close();
        writer.Close();
        writer.Line();
        SizesEmitter.Write(writer, spec);
        writer.Line("/// <inheritdoc/>");
        writer.Line($"public override long CacheLimit => {ModuleEmitter.NewLayer(layer, "this", "0")}.CacheLimit();");
        writer.Line();
        writer.Line("/// <inheritdoc/>");
        writer.Open($"public override void CountForward({Names.Models}FlopCounter counter)");
        TableEmitter.Flops(writer, block, spec.Layers);
        writer.Close();
        writer.Line();
        writer.Line("/// <inheritdoc/>");
        writer.Open($"protected override void Describe({Names.Models}PlanBuilder plan)");
        writer.Line("Plan(plan);");
        writer.Open($"for (int layer = 0; layer < {layers.Sizes[0]}; layer++)");
        writer.Line("plan.Enter(layer);");
        writer.Line($"{ModuleEmitter.NewLayer(layer, "this", "layer")}.Plan(plan);");
        writer.Close();
        writer.Close();
        writer.Line();
        writer.Line("/// <inheritdoc/>");
        writer.Line($"public override string? Pipelines => {(StageCut.Reason(block) is { Length: > 0 } reason ? Names.Quote(reason) : "null")};");
        writer.Line();
        writer.Line("/// <inheritdoc/>");
        writer.Line($"public override {Names.Models}CausalLMModule Build({Names.Models}BuildOptions options) => new Module(this, options);");
        writer.Line();
    }

    private static string Whole(PropertySpec? property) => property is null ? "0" : property.Type == PropertyType.NullableInt ? property.Name + " ?? 0" : property.Name;
}
