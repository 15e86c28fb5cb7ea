// Whether a model's forward can be cut at its layers, so that one rank begins, others run layers, and the last one ends.
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Spec.Compiling;

internal static class StageCut
{
    /// <summary>Why the forward cannot be cut, as a person reads it; empty where it can.</summary>
    public static string Reason(BlockSpec block)
    {
        var kinds = block.Parts.ToDictionary(p => p.Method, p => p.Kind);
        bool IsStack(StepSpec step) => step.Kind == StepKind.Part && kinds.TryGetValue(step.Name, out var kind) && kind == PartKind.Layers;
        var stacks = All(block.Forward).Count(IsStack);
        var at = block.Forward.ToList().FindIndex(s => IsStack(s));
        if (stacks != 1 || at < 0)
        {
            return stacks == 1 ? $"the layers of {block.Name} stand under a condition; a pipeline needs them in every pass"
                : $"{block.Name} calls {stacks} stacks of layers; a pipeline is cut at one";
        }

        var (before, after) = (All(block.Forward.Take(at)).ToList(), All(block.Forward.Skip(at + 1)).ToList());
        var made = before.SelectMany(s => s.Outputs.Append(s.Output)).Append(0);
        var crossing = after.SelectMany(s => s.Inputs).Intersect(made).Select(v => (int?)v).FirstOrDefault();
        if (crossing is { } value)
        {
            var maker = before.LastOrDefault(s => s.Output == value || s.Outputs.Contains(value));
            return $"{block.Name} reads {(maker is null ? block.InputName : "what " + Spoken(maker) + " gives")} after its layers too; only what the layers leave can go from rank to rank";
        }

        var both = Parts(before).Intersect(Parts(after)).FirstOrDefault(name => block.Parts.First(p => p.Method == name).HasWeight);
        return both is null ? "" : $"{block.Name} uses {both} before and after its layers; its weights would lie on two ranks";
    }

    /// <summary>Parts with weights that are used after the layers, the head among them.</summary>
    public static ISet<string> Exit(BlockSpec block)
    {
        var kinds = block.Parts.ToDictionary(p => p.Method, p => p.Kind);
        var after = block.Forward.SkipWhile(s => s.Kind != StepKind.Part || kinds[s.Name] != PartKind.Layers);
        return new HashSet<string>(Parts(All(after)).Concat(block.Parts.Where(p => p.Kind == PartKind.Head).Select(p => p.Method)));
    }

    private static IEnumerable<string> Parts(IEnumerable<StepSpec> steps) => steps.Where(s => s.Kind == StepKind.Part).Select(s => s.Name);

    // Each step, and those of both sides of a choice.
    private static IEnumerable<StepSpec> All(IEnumerable<StepSpec> steps) => steps.SelectMany(s => All(s.Then).Concat(All(s.Else)).Append(s));

    private static string Spoken(StepSpec step) => step.Kind switch
    {
        StepKind.Choice => "an if",
        StepKind.Operator => "an operator",
        _ => step.Name,
    };
}
