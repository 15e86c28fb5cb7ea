// The serial modules: who holds the weights, and how a record's copy is bound to them.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Compiling;

namespace Evo.Generators.Spec.Emitting;

internal static class ModuleEmitter
{
    public static string NewLayer(BlockSpec layer, string model, string index) =>
        layer.IndexParameter.Length == 0 ? $"new {layer.FullName}({model})"
        : layer.IndexFirst ? $"new {layer.FullName}({index}, {model})"
        : $"new {layer.FullName}({model}, {index})";

    public static void Model(SourceWriter writer, ModelSpec spec)
    {
        var block = spec.Body;
        var head = block.Parts.First(p => p.Kind == PartKind.Head);
        var layers = block.Parts.First(p => p.Kind == PartKind.Layers);
        var staged = StageCut.Reason(block).Length == 0;
        writer.Line($"/// <summary>{block.Name} with weights: all of them, this rank's shares{(staged ? ", or those of some of its layers" : "")}.</summary>");
        writer.Line(Names.GeneratedCode);
        writer.Open($"public sealed class Module : {Names.Models}CausalLMModule");
        writer.Line($"private readonly {block.Name} _record;");
        foreach (var part in block.Parts.Where(p => p.HasWeight && p != head))
        {
            Field(writer, block, part, staged);
        }

        foreach (var part in block.Parts.Where(p => p.Kind == PartKind.Layers))
        {
            writer.Line($"internal readonly {Names.Models}LayerModule[] {Names.Modules(part)};");
        }

        writer.Line($"internal readonly global::TorchSharp.Modules.Parameter {head.Method}Table{(staged ? $" = null!; // {InStage}" : ";")}");
        Tables(writer, block);
        writer.Line();
        writer.Line("/// <summary>Makes the parts in the order of the data flow.</summary>");
        writer.Open($"internal Module({block.Name} spec, {Names.Models}BuildOptions options) : base(spec, options)");
        writer.Line($"_record = spec with {{ {Names.Bound} = new(this) }};");
        foreach (var part in block.Parts)
        {
            Make(writer, spec, part, staged);
        }

        NewTables(writer, block, "spec.");
        writer.Line("Ready();");
        writer.Close();
        writer.Line();
        void ByMode(string head, System.Func<Mode, string> call)
        {
            writer.Line("/// <inheritdoc/>");
            ModeEmitter.Switch(writer, $"protected override {head}", "Ranks.Mode", call);
            writer.Line();
        }

        if (staged)
        {
            writer.Line("/// <inheritdoc/>");
            writer.Line($"protected override global::System.Collections.Generic.IReadOnlyList<{Names.Models}LayerModule> Layers => {Names.Modules(layers)};");
            writer.Line();
            ByMode($"{Names.Tensor} ComputeEntry({Names.Tensor} ids_BT, {Names.Positions} at)", mode => $"_record.{ModeEmitter.Enter(mode)}(ids_BT, at)");
            ByMode($"{Names.Tensor} ComputeExit({Names.Tensor} x_BTC, {Names.Positions} at)", mode => $"_record.{ModeEmitter.Exit(mode)}(x_BTC, at)");
        }
        else
        {
            ByMode($"{Names.Tensor} Compute({Names.Tensor} ids_BT, {Names.Positions} at)", mode => $"_record.{ModeEmitter.Method(block, mode)}(ids_BT, at)");
        }

        ByMode($"{Names.Tensor} ComputeLogits({Names.Tensor} hidden)", mode => $"_record.Logits{mode}(hidden)");
        writer.Line("/// <inheritdoc/>");
        ModeEmitter.Switch(writer, $"protected override ({Names.Tensor} lossSum, {Names.Tensor} count, {Names.Tensor} right, {Names.Tensor} zSum) ComputeLoss({Names.Tensor} hidden_BTC, {Names.Tensor} labels_BT, double labelSmoothing, double zLoss)", "Ranks.Mode", mode => $"_record.Loss{mode}(hidden_BTC, labels_BT, labelSmoothing, zLoss)");
        var learned = LearnedPositions(block).ToList();
        if (learned.Count > 0)
        {
            writer.Line();
            writer.Line("/// <inheritdoc/>");
            writer.Line($"protected override int LearnedPositions => _record.{learned[0].Method}Rows();");
        }

        writer.Close();
    }

    public static void Layer(SourceWriter writer, BlockSpec block)
    {
        writer.Line($"/// <summary>{block.Name} with weights: all of them, or this rank's shares.</summary>");
        writer.Line(Names.GeneratedCode);
        writer.Open($"internal sealed class Module : {Names.Models}LayerModule");
        writer.Line($"private readonly {block.Name} _record;");
        foreach (var part in block.Parts.Where(p => p.HasWeight))
        {
            Field(writer, block, part);
        }

        Tables(writer, block);
        writer.Line();
        writer.Line("/// <summary>First cache of this layer's attention parts.</summary>");
        writer.Line("internal readonly int FirstSlot;");
        writer.Line();
        writer.Line("/// <summary>Makes the parts in the order of the data flow; their names begin with <paramref name=\"prefix\"/>.</summary>");
        writer.Open($"internal Module({block.Name} spec, {Names.Models}CausalLMModule model, string prefix, int index) : base({Names.Quote(block.Name)}, model, index)");
        writer.Line($"_record = spec with {{ {Names.Bound} = new(this) }};");
        writer.Line($"FirstSlot = index * {block.Parts.Count(p => p.Kind == PartKind.Attention)};");
        foreach (var part in block.Parts.Where(p => p.HasWeight))
        {
            Weights(writer, block, part, $"model.{(part.Kind == PartKind.Experts ? "Experts" : "Part")}(prefix + \"{Names.Snake(part.Method)}\")");
        }

        NewTables(writer, block, "spec.");
        writer.Close();
        writer.Line();
        writer.Line("/// <inheritdoc/>");
        ModeEmitter.Switch(writer, $"protected override {Names.Tensor} Compute({Names.Tensor} x_BTC, {Names.Positions} at)", "Ranks.Mode", mode => $"_record.{ModeEmitter.Method(block, mode)}(x_BTC, at)");
        writer.Close();
    }

    // Why a field may be empty.
    private const string InStage = "only in the stage that uses it";

    private static void Field(SourceWriter writer, BlockSpec block, PartSpec part, bool staged = false)
    {
        var type = part.Kind == PartKind.Experts ? "ExpertWeights" : "Weights";
        var absent = Presence.IsConditional(block, part) ? "only where it is used" : staged ? InStage : "";
        writer.Line($"internal readonly {Names.Models}{type} {Names.Weights(part)}{(absent.Length > 0 ? $" = null!; // {absent}" : ";")}");
    }

    // Which stages hold a part of the model that is no layer: those that use it.
    private static string Held(BlockSpec block, PartSpec part)
    {
        if (StageCut.Exit(block).Contains(part.Method))
        {
            return "HoldsExit";
        }

        var head = block.Parts.First(p => p.Kind == PartKind.Head);
        return head.Extra2.Length > 0 && head.Extra == part.Method ? $"HoldsEntry || (HoldsExit && spec.{head.Method}Tied())" : "HoldsEntry";
    }

    private static void Weights(SourceWriter writer, BlockSpec block, PartSpec part, string made)
    {
        var sometimes = Presence.IsConditional(block, part);
        if (sometimes)
        {
            writer.Open($"if (spec.{Presence.Member(part)}())");
        }

        writer.Line($"{Names.Weights(part)} = {made};");
        writer.Line($"register_module(\"{Names.Snake(part.Method)}\", {Names.Weights(part)});");
        if (sometimes)
        {
            writer.Close();
        }
    }

    private static void Make(SourceWriter writer, ModelSpec spec, PartSpec part, bool staged)
    {
        if (staged && part.HasWeight)
        {
            writer.Open($"if ({Held(spec.Body, part)})");
            Make(writer, spec, part, false);
            writer.Close();
            return;
        }

        var name = Names.Snake(part.Method);
        switch (part.Kind)
        {
            case PartKind.Head when part.Extra2.Length > 0:
                var own = $"Part(\"{name}\")";
                writer.Open($"if (spec.{part.Method}Tied())");
                writer.Line($"{part.Method}Table = {part.Extra}Weights.Weight; // tied: one parameter, two uses");
                writer.Close();
                writer.Open("else");
                writer.Line($"var own = {own};");
                writer.Line($"{part.Method}Table = own.Weight;");
                writer.Line($"register_module(\"{name}\", own);");
                writer.Close();
                break;
            case PartKind.Head:
                writer.Line($"var {Names.Local(part.Method)} = Part(\"{name}\");");
                writer.Line($"{part.Method}Table = {Names.Local(part.Method)}.Weight;");
                writer.Line($"register_module(\"{name}\", {Names.Local(part.Method)});");
                break;
            case PartKind.Layers:
                var layer = spec.Layers.First(l => l.FullName == part.Extra);
                var (first, end, count) = staged ? ("Stage.First", "Stage.End", "Stage.Count") : ("0", $"spec.{part.Method}Count()", $"spec.{part.Method}Count()");
                writer.Line($"{Names.Modules(part)} = new {Names.Models}LayerModule[{count}];");
                writer.Line($"for (int layer = {first}; layer < {end}; layer++)");
                writer.Line($"    {Names.Modules(part)}[{(staged ? "layer - Stage.First" : "layer")}] = new {layer.FullName}.Module({NewLayer(layer, "spec", "layer")}, this, $\"{name}.{{layer}}.\", layer);");
                writer.Line($"register_module(\"{name}\", new {Names.Models}LayerStack({Names.Modules(part)}, {first}));");
                break;
            case var _ when part.HasWeight:
                Weights(writer, spec.Body, part, $"Part(\"{name}\")");
                break;
        }
    }

    private static void Tables(SourceWriter writer, BlockSpec block)
    {
        foreach (var part in block.Parts.Where(p => p.Kind == PartKind.Rope))
        {
            writer.Line($"internal readonly {Names.Models}RotaryTable {Names.Table(part)};");
        }
    }

    private static void NewTables(SourceWriter writer, BlockSpec block, string scope)
    {
        foreach (var part in block.Parts.Where(p => p.Kind == PartKind.Rope))
        {
            writer.Line($"{Names.Table(part)} = {scope}{part.Method}Rotary();");
        }
    }

    // An embedding that is looked up by positions.
    private static IEnumerable<PartSpec> LearnedPositions(BlockSpec block)
    {
        var positions = new HashSet<int>(block.Forward.Where(s => s.Kind == StepKind.Function && s.Name.StartsWith("positions.", System.StringComparison.Ordinal)).Select(s => s.Output));
        var used = new HashSet<string>(block.Forward.Where(s => s.Kind == StepKind.Part && s.Inputs.Any(positions.Contains)).Select(s => s.Name));
        return block.Parts.Where(p => p.Kind == PartKind.Embedding && used.Contains(p.Method));
    }
}
