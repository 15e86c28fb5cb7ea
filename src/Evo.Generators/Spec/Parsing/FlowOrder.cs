// Puts a data flow into the order in which its result asks for its values, and numbers them so: independent statements may
// stand in any order in the source, what nobody reads is left out, and nothing that is emitted shows it.
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Spec.Parsing;

internal sealed class FlowOrder
{
    private readonly Dictionary<int, int> numbers = new() { [0] = 0 };
    private int next = 1;

    /// <summary>The flow anew, and the new number of each value.</summary>
    public static (List<StepSpec> Steps, IReadOnlyDictionary<int, int> Numbers) Of(IReadOnlyList<StepSpec> steps)
    {
        var order = new FlowOrder();
        var asked = Ordered(steps, steps.Where(s => s.Kind == StepKind.Return).Select(s => s.Output));
        return (order.Numbered(asked), order.numbers);
    }

    private static List<StepSpec> Ordered(IReadOnlyList<StepSpec> steps, IEnumerable<int> results)
    {
        var roots = results.ToList();
        var makers = new Dictionary<int, StepSpec>();
        foreach (var step in steps.Reverse())
        {
            // What follows stands already, and says in which order it asks for what a choice leaves.
            var kept = step.Kind == StepKind.Choice ? Choice(step, Asked(roots, makers, out _)) : step;
            foreach (var output in Outputs(kept))
            {
                makers[output] = kept;
            }
        }

        Asked(roots, makers, out var ordered);
        return ordered;
    }

    /// <summary>The values that are asked for, in order, and the steps that make them, each after what it reads.</summary>
    private static List<int> Asked(List<int> roots, Dictionary<int, StepSpec> makers, out List<StepSpec> ordered)
    {
        var (values, seen, made, steps) = (new List<int>(), new HashSet<int>(), new HashSet<StepSpec>(), new List<StepSpec>());
        roots.ForEach(Ask);
        ordered = steps;
        return values;

        void Ask(int value)
        {
            if (!seen.Add(value))
            {
                return;
            }

            values.Add(value);
            if (makers.TryGetValue(value, out var maker) && made.Add(maker))
            {
                foreach (var read in Reads(maker))
                {
                    Ask(read);
                }

                steps.Add(maker);
            }
        }
    }

    // Of a choice only what is read after it.
    private static StepSpec Choice(StepSpec step, List<int> asked)
    {
        var kept = Enumerable.Range(0, step.Outputs.Count).Where(k => asked.Contains(step.Outputs[k])).OrderBy(k => asked.IndexOf(step.Outputs[k])).ToList();
        return step with
        {
            Inputs = new EquatableArray<int>(kept.SelectMany(k => new[] { step.Inputs[2 * k], step.Inputs[(2 * k) + 1] })),
            Outputs = new EquatableArray<int>(kept.Select(k => step.Outputs[k])),
            Then = new EquatableArray<StepSpec>(Ordered(step.Then, kept.Select(k => step.Inputs[2 * k]))),
            Else = new EquatableArray<StepSpec>(Ordered(step.Else, kept.Select(k => step.Inputs[(2 * k) + 1]))),
        };
    }

    private static IEnumerable<int> Outputs(StepSpec step) => step.Kind == StepKind.Choice ? step.Outputs : new[] { step.Output };

    // What a step reads of what was made before it; a choice what its sides read.
    private static IEnumerable<int> Reads(StepSpec step)
    {
        if (step.Kind != StepKind.Choice)
        {
            return step.Inputs;
        }

        var inside = step.Then.Concat(step.Else).ToList();
        var made = new HashSet<int>(inside.SelectMany(Outputs));
        return inside.SelectMany(Reads).Concat(step.Inputs).Where(v => !made.Contains(v)).Distinct();
    }

    private List<StepSpec> Numbered(IEnumerable<StepSpec> steps) => steps.Select(step =>
    {
        var (then, other) = (Numbered(step.Then), Numbered(step.Else));
        var inputs = step.Inputs.Select(Number).ToList();
        var arguments = step.Arguments.Select(a => a.Value < 0 ? a : a with { Value = Number(a.Value) }).ToList();
        var outputs = step.Outputs.Select(Number).ToList();
        return step with
        {
            Inputs = new EquatableArray<int>(inputs),
            Arguments = new EquatableArray<ArgumentSpec>(arguments),
            Outputs = new EquatableArray<int>(outputs),
            Output = outputs.Count > 0 ? outputs[outputs.Count - 1] : Number(step.Output),
            Then = new EquatableArray<StepSpec>(then),
            Else = new EquatableArray<StepSpec>(other),
        };
    }).ToList();

    private int Number(int value)
    {
        if (!numbers.TryGetValue(value, out var number))
        {
            numbers[value] = number = next++;
        }

        return number;
    }
}
