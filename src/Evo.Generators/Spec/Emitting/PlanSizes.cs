// Sizes of values as C# over the plan's symbols batch, length, degree and weight.
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Evo.Generators.Spec.Compiling;

namespace Evo.Generators.Spec.Emitting;

internal sealed class PlanSizes
{
    // Sizes of which there may be fewer than ranks: key-value heads.
    private readonly IReadOnlyList<string> few;

    private readonly string model;

    public PlanSizes(BlockSpec block, ModeProgram program)
    {
        model = block.ModelParameter;
        few = program.Degrees.Where(d => d.Rule == DegreeRule.DividesOrMultiple).Select(d => d.Size).Distinct().ToList();
    }

    /// <summary>Numbers that a rank holds of a value; of key-value heads at least one.</summary>
    public string Held(string elements, string name)
    {
        const string Over = " / degree";
        if (elements.Contains("plan.Spread(") || !elements.EndsWith(Over, System.StringComparison.Ordinal) || !Regex.IsMatch(name, "_S[2-9]$") || !few.Any(f => Has(elements, f)))
        {
            return Long(elements);
        }

        var factors = Split(elements.Substring(0, elements.Length - Over.Length), " * ");
        var at = factors.FindIndex(f => few.Any(size => Has(f, size)));
        factors[at] = Shared(factors[at]);
        return Long(string.Join(" * ", factors));
    }

    /// <summary>Where there are fewer heads than ranks, each stands for several ranks.</summary>
    public string Spread(string elements) => few.Aggregate(elements, (code, size) => Replace(code, size, $"plan.Spread({size})"));

    /// <summary>The shape, sizes as the record calls them; of one device.</summary>
    public string Shape(string elements) =>
        string.Join(", ", Split(Regex.Replace(Whole(elements), @"plan\.Spread\(([^()]*)\)", "$1"), " * ").Select(f => f == "batch" ? "B" : f == "length" ? "T" : Spoken(f.StartsWith("(", System.StringComparison.Ordinal) ? f.Substring(1, f.Length - 2) : f)));

    /// <summary>A size without the name of the model's parameter.</summary>
    public string Spoken(string size) => model.Length == 0 ? size : Regex.Replace(size, $@"(?<![A-Za-z0-9_.]){Regex.Escape(model)}\.", "");

    /// <summary>The last size, where it is a number of the model.</summary>
    public static string Width(string elements)
    {
        var last = Split(Whole(elements), " * ").Last();
        return last is "batch" or "length" ? "1" : last;
    }

    /// <summary>A product that does not begin with a symbol is one of numbers: of long ones.</summary>
    public static string Long(string elements) => Regex.IsMatch(elements, @"^(batch|length|plan|global::|\d)") ? elements : "1L * " + elements;

    private static string Whole(string elements) => Regex.Replace(elements, " / degree$", "");

    // One size, or the sum of the outputs of several maps.
    private string Shared(string factor)
    {
        var inner = factor.StartsWith("(", System.StringComparison.Ordinal) ? factor.Substring(1, factor.Length - 2) : factor;
        var terms = Split(inner, " + ").Select(term =>
            few.FirstOrDefault(f => Has(term, f)) is { } size ? Replace(term, size, $"plan.Share({size})") : $"{term} / degree");
        return $"({string.Join(" + ", terms)})";
    }

    private static bool Has(string code, string size) => Regex.IsMatch(code, Word(size));

    private static string Replace(string code, string size, string with) => Regex.Replace(code, Word(size), with.Replace("$", "$$"));

    private static string Word(string size) => $"(?<![A-Za-z0-9_.(]){Regex.Escape(size)}(?![A-Za-z0-9_.])|(?<=\\(){Regex.Escape(size)}(?![A-Za-z0-9_.])";

    private static List<string> Split(string code, string sign)
    {
        var (depth, from, parts) = (0, 0, new List<string>());
        for (var i = 0; i < code.Length; i++)
        {
            depth += code[i] is '(' or '[' ? 1 : code[i] is ')' or ']' ? -1 : 0;
            if (depth == 0 && string.CompareOrdinal(code, i, sign, 0, sign.Length) == 0)
            {
                parts.Add(code.Substring(from, i - from));
                from = i + sign.Length;
            }
        }

        parts.Add(code.Substring(from));
        return parts;
    }
}
