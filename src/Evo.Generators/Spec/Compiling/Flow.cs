// Whether a data flow is whole: every value that a step reads is made before it, and by a part that exists.
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Spec.Compiling;

internal static class Flow
{
    /// <summary>False for what an editor holds between two keystrokes: a call without its part, a way without its return.</summary>
    public static bool IsWhole(BlockSpec block)
    {
        var parts = new HashSet<string>(block.Parts.Select(p => p.Method));
        return block.Forward.Any(s => s.Kind == StepKind.Return) && Whole(block.Forward, new HashSet<int> { 0 }, parts);
    }

    private static bool Whole(IEnumerable<StepSpec> steps, HashSet<int> made, HashSet<string> parts)
    {
        foreach (var step in steps)
        {
            if (step.Kind == StepKind.Choice)
            {
                var (then, other) = (new HashSet<int>(made), new HashSet<int>(made));
                if (!Whole(step.Then, then, parts) || !Whole(step.Else, other, parts)
                    || step.Outputs.Where((_, k) => !then.Contains(step.Inputs[2 * k]) || !other.Contains(step.Inputs[(2 * k) + 1])).Any())
                {
                    return false;
                }

                made.UnionWith(step.Outputs);
                continue;
            }

            if (!step.Inputs.All(made.Contains) || (step.Kind == StepKind.Part && (!parts.Contains(step.Name) || step.Inputs.Count == 0)))
            {
                return false;
            }

            made.Add(step.Output);
        }

        return true;
    }
}
