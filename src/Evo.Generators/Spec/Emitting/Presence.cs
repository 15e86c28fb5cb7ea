// Where a part exists: one whose every use in the data flow stands under a condition over the configuration has no parameters
// where the condition does not hold.
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Spec.Emitting;

internal static class Presence
{
    private const string Always = "true";

    /// <summary>Name of the member of a record that says whether the part exists.</summary>
    public static string Member(PartSpec part) => part.Method + "Used";

    public static bool IsConditional(BlockSpec block, PartSpec part) => part.HasWeight && part.Kind != PartKind.Head && Condition(block, part) != Always;

    /// <summary>When the part is used, as C# in the record's scope.</summary>
    public static string Condition(BlockSpec block, PartSpec part) => Used(block.Forward, part.Method) ?? Always;

    private static string? Used(IEnumerable<StepSpec> steps, string method)
    {
        var found = steps.Select(s => Used(s, method)).OfType<string>().Distinct().ToList();
        return found.Count == 0 ? null : found.Contains(Always) ? Always : string.Join(" || ", found.Select(Names.Atom));
    }

    private static string? Used(StepSpec step, string method)
    {
        if (step.Kind != StepKind.Choice)
        {
            return step.Kind == StepKind.Part && step.Name == method ? Always : null;
        }

        var condition = Names.Atom(step.Condition);
        return (Used(step.Then, method), Used(step.Else, method)) switch
        {
            (null, null) => null,
            (Always, Always) => Always,
            (Always, null) => step.Condition,
            (null, Always) => "!" + condition,
            ({ } then, null) => $"{condition} && {Names.Atom(then)}",
            (null, { } other) => $"!{condition} && {Names.Atom(other)}",
            ({ } then, { } other) => $"{condition} ? {then} : {other}",
        };
    }
}
