// The parameter table and the count of operations.
using System.Collections.Generic;
using System.Linq;
using Evo.Generators.Spec.Compiling;

namespace Evo.Generators.Spec.Emitting;

internal static class TableEmitter
{
    /// <summary>Lines that add a block's parameters to <c>table</c>, in the order of the data flow.</summary>
    public static void Parameters(SourceWriter writer, BlockSpec block, IReadOnlyList<BlockSpec> layers)
    {
        var layered = block.ModelParameter.Length > 0;
        var tracing = new Tracing(block, Shapes.OfBlock(block));
        var exit = layered ? new HashSet<string>() : StageCut.Exit(block);
        foreach (var part in block.Parts)
        {
            if (part.Kind == PartKind.Layers)
            {
                var layer = layers.First(l => l.FullName == part.Extra);
                writer.Open($"for (int layer = 0; layer < {part.Sizes[0]}; layer++)");
                writer.Line($"{ModuleEmitter.NewLayer(layer, "this", "layer")}.Describe(table, $\"{Names.Snake(part.Method)}.{{layer}}.\", $\"{part.Hf}.\", layer);");
                writer.Close();
            }
            else if (part.HasWeight)
            {
                var sometimes = Presence.IsConditional(block, part);
                if (sometimes)
                {
                    writer.Open($"if ({Presence.Member(part)}())");
                }

                if (part.Kind == PartKind.Experts)
                {
                    Experts(writer, part);
                }
                else
                {
                    Weight(writer, block, part, layered, tracing, exit.Contains(part.Method) ? ", exit: true" : "");
                }

                if (sometimes)
                {
                    writer.Close();
                }
            }
        }
    }

    // Stacked over the experts here, one tensor for each in a checkpoint. The mode that keeps every token on every rank cuts each
    // expert along its inside.
    private static void Experts(SourceWriter writer, PartSpec part)
    {
        var (width, inner, experts) = (part.Sizes[0], part.Sizes[1], part.Experts!);
        var maps = new[]
        {
            (Map: "gate", Name: experts.Gate, part.Init, Shape: $"{inner}, {width}", Dim: 1),
            (Map: "up", Name: experts.Up, part.Init, Shape: $"{inner}, {width}", Dim: 1),
            (Map: "down", Name: experts.Down, Init: experts.DownInit.Length > 0 ? experts.DownInit : part.Init, Shape: $"{width}, {inner}", Dim: 2),
        };
        foreach (var map in maps.Where(m => m.Name.Length > 0))
        {
            writer.Line($"table.AddExperts(name + \"{Names.Snake(part.Method)}.{map.Map}.weight\", huggingFace + \"{part.Hf}.{map.Name}.weight\", "
                + $"{Names.Models}Initializer.Normal({map.Init}), layer, {part.Sizes[2]}, {part.Sizes[3]}, [{map.Shape}], "
                + $"new {Names.Models}TensorCut({map.Dim}, 1, {inner}, 1));");
        }
    }

    private static void Weight(SourceWriter writer, BlockSpec block, PartSpec part, bool layered, Tracing tracing, string where)
    {
        string Name(string text, string prefix, string suffix) => layered ? $"{prefix} + \"{text}.{suffix}\"" : $"\"{text}.{suffix}\"";
        var shape = part.Kind switch
        {
            PartKind.Embedding => $"{part.Sizes[0]}, {part.Sizes[1]}",
            PartKind.Head or PartKind.Row => $"{part.Sizes[1]}, {part.Sizes[0]}",
            PartKind.Router => $"{part.Sizes[1]}, {part.Sizes[0]}",
            PartKind.Column or PartKind.Linear => $"{Names.Product(part.Sizes.Skip(1))}, {part.Sizes[0]}",
            _ => part.Sizes[0],
        };
        var kind = part.Kind switch
        {
            PartKind.Embedding => "Embedding",
            PartKind.RmsNorm or PartKind.LayerNorm => "Norm",
            PartKind.Router => "Router",
            _ => "Matrix",
        };
        // A gain of one plus the weight starts as one, too.
        var init = kind != "Norm" ? $"{Names.Models}Initializer.Normal({part.Init})" : part.Flag switch
        {
            "false" => $"{Names.Models}Initializer.Ones",
            "true" => $"{Names.Models}Initializer.Zeros",
            var condition => $"({condition} ? {Names.Models}Initializer.Zeros : {Names.Models}Initializer.Ones)",
        };
        var tied = block.Parts.FirstOrDefault(p => p.Kind == PartKind.Head && p.Extra2.Length > 0 && p.Extra == part.Method);
        var call = $"table.Add({Name(Names.Snake(part.Method), "name", "weight")}, {Name(part.Hf, "huggingFace", "weight")}, {init}, "
            + $"{Names.Models}ParameterKind.{kind}, {(part.Transposed ? "true" : "false")}, {(layered ? "layer" : "null")}, "
            + $"{(tied is null ? "[]" : $"{tied.Method}Tied() ? [\"{tied.Hf}.weight\"] : []")}, [{shape}]{Cut(block, part, tracing, false)}{where});";
        if (part.Kind == PartKind.Head && part.Extra2.Length > 0)
        {
            writer.Line($"if (!{part.Method}Tied())");
            writer.Line("    " + call);
        }
        else
        {
            writer.Line(call);
        }

        if (part.Bias != "false")
        {
            var size = part.Kind switch
            {
                PartKind.Column or PartKind.Linear => Names.Product(part.Sizes.Skip(1)),
                PartKind.Row => part.Sizes[1],
                _ => part.Sizes[0],
            };
            if (part.Bias != "true")
            {
                writer.Line($"if ({part.Bias})");
            }

            writer.Line($"{(part.Bias == "true" ? "" : "    ")}table.Add({Name(Names.Snake(part.Method), "name", "bias")}, {Name(part.Hf, "huggingFace", "bias")}, {Names.Models}Initializer.Zeros, "
                + $"{Names.Models}ParameterKind.Bias, false, {(layered ? "layer" : "null")}, [], [{size}]{Cut(block, part, tracing, true)}{where});");
        }
    }

    // Where tensor parallel modes cut a tensor, as C#: along which dim, and into how many units of how many rows each.
    private static string Cut(BlockSpec block, PartSpec part, Tracing tracing, bool bias)
    {
        string New(int dim, string outer, string count, string inner, string more = "") =>
            $"new {Names.Models}TensorCut({dim}, {outer}, {count}, {inner}{more})";
        switch (part.Kind)
        {
            case PartKind.Column:
                var cut = tracing.Cut.TryGetValue(part.Method, out var output) ? output : 0;
                var outputs = part.Sizes.Skip(1).ToList();
                string Rest(IEnumerable<string> sizes) => Names.Product(sizes) is { Length: > 0 } product ? product : "1";
                return ", cut: " + New(0, Rest(outputs.Take(cut)), outputs[cut], Rest(outputs.Skip(cut + 1)), tracing.KeysOrValues.Contains(part.Method) ? ", KeptWhole: true" : "");
            case PartKind.Row when !bias:
                return ", cut: " + New(1, "1", part.Sizes[0], "1");
            case PartKind.Head:
                return ", cut: " + New(0, "1", part.Sizes[1], "1", ", Padded: true");
            case PartKind.Embedding when block.Forward.Any(s => s.Kind == StepKind.Part && s.Name == part.Method && s.Inputs[0] == 0):
                return ", cut: " + New(0, "1", part.Sizes[0], "1", ", Padded: true") + ", hidden: " + New(1, "1", part.Sizes[1], "1");
            default:
                return "";
        }
    }

    /// <summary>Lines that count a block's operations on <c>counter</c>, along its data flow.</summary>
    public static void Flops(SourceWriter writer, BlockSpec block, IReadOnlyList<BlockSpec> layers)
    {
        var parts = block.Parts.ToDictionary(p => p.Method);
        Steps(block.Forward);
        // The head is no step of the forward: it ends it.
        foreach (var head in block.Parts.Where(p => p.Kind == PartKind.Head))
        {
            writer.Line($"counter.Linear({head.Sizes[0]}, {head.Sizes[1]}); // {head.Method}");
        }

        void Steps(IEnumerable<StepSpec> steps)
        {
            foreach (var step in steps)
            {
                if (step.Kind == StepKind.Choice)
                {
                    if (!Costs(step))
                    {
                        continue;
                    }

                    writer.Open($"if ({step.Condition})");
                    Steps(step.Then);
                    writer.Close();
                    writer.Open("else");
                    Steps(step.Else);
                    writer.Close();
                }
                else if (step.Kind == StepKind.Part)
                {
                    Part(parts[step.Name]);
                }
            }
        }

        bool Costs(StepSpec step) => step.Kind == StepKind.Choice
            ? step.Then.Any(Costs) || step.Else.Any(Costs)
            : step.Kind == StepKind.Part && parts[step.Name].Kind is PartKind.Column or PartKind.Row or PartKind.Attention or PartKind.Layers
                or PartKind.Linear or PartKind.Router or PartKind.Experts;

        void Part(PartSpec part)
        {
            switch (part.Kind)
            {
                case PartKind.Column or PartKind.Linear:
                    writer.Line($"counter.Linear({part.Sizes[0]}, {Names.Product(part.Sizes.Skip(1))}); // {part.Method}");
                    break;
                case PartKind.Experts:
                    // Active ones only: each token goes through as many as it chooses.
                    writer.Line($"counter.Linear({part.Sizes[0]}, {part.Sizes[1]}, {(part.Experts!.Gate.Length > 0 ? 3 : 2)} * {Names.Atom(part.Sizes[3])}); // {part.Method}");
                    break;
                case PartKind.Row or PartKind.Router:
                    writer.Line($"counter.Linear({part.Sizes[0]}, {part.Sizes[1]}); // {part.Method}");
                    break;
                case PartKind.Attention:
                    writer.Line($"counter.Attention({part.Sizes[0]}, {part.Sizes[2]}{(part.Window == "0" ? "" : $", window: {part.Window}")}); // {part.Method}");
                    break;
                case PartKind.Layers:
                    writer.Open($"for (int layer = 0; layer < {part.Sizes[0]}; layer++)");
                    writer.Line("counter.Enter(layer);");
                    writer.Line($"{ModuleEmitter.NewLayer(layers.First(l => l.FullName == part.Extra), "this", "layer")}.CountForward(counter);");
                    writer.Close();
                    writer.Line("counter.Enter(null);");
                    break;
            }
        }
    }
}
