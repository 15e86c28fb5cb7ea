// Names of locals in emitted forwards: after the part that made the value, with its placement, and never one that the
// configuration's expressions use.
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp;

namespace Evo.Generators.Spec.Compiling;

internal sealed class LocalNames
{
    private static readonly string[] Reserved = { "own", "tensor", "weight", "expert", "data", "at", "batch", "length", "degree" };
    /// <summary>The word for what the two sides of a choice leave.</summary>
    public const string Choice = "either";

    private readonly HashSet<string> used;

    public LocalNames(BlockSpec block)
    {
        used = new HashSet<string>(Reserved);
        foreach (var text in Texts(block.Forward).Concat(block.Parts.SelectMany(p => p.Sizes.Concat(new[] { p.Bias, p.Extra, p.Extra2 }))))
        {
            foreach (Match word in Regex.Matches(text, "[A-Za-z_][A-Za-z0-9_]*"))
            {
                used.Add(word.Value);
            }
        }
    }

    /// <summary>A name not used before.</summary>
    public string New(string word, string suffix, bool reserve = false)
    {
        var camel = char.ToLowerInvariant(word[0]) + word.Substring(1);
        for (var k = 1; ; k++)
        {
            var name = camel + (k == 1 ? "" : k.ToString(System.Globalization.CultureInfo.InvariantCulture)) + suffix;
            if (SyntaxFacts.GetKeywordKind(name) == SyntaxKind.None && used.Add(name))
            {
                return name;
            }
        }
    }

    /// <summary>A local's name without its placement.</summary>
    public static string Word(string name) => Regex.Replace(name, "\\d*(_(R|I|P|S\\d|W))?$", "");

    /// <summary>A local as a finding speaks of it; what a choice leaves has no name in the source.</summary>
    public string Spoken(string name) => Word(name) is var word && word == Choice ? "what an if gives" : word;

    private static IEnumerable<string> Texts(IEnumerable<StepSpec> steps) =>
        steps.SelectMany(s => s.Arguments.Select(a => a.Code).Append(s.Condition).Concat(Texts(s.Then)).Concat(Texts(s.Else)));
}
