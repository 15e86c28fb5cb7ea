// Names in a checkpoint: every parameter has one of its own, and each name leads back to one parameter.
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;

namespace Evo.Generators.Spec.Parsing;

internal sealed class NameCheck
{
    private const string Layer = "{layer}";
    private const string Expert = "{expert}";

    private readonly ParseContext context;
    private readonly Location? where;
    private readonly List<Named> seen = new();

    /// <summary>A tensor of a checkpoint: its name with placeholders, and whose it is.</summary>
    private sealed record Named(string Name, BlockSpec Block, PartSpec Part)
    {
        /// <summary>The name before <c>.weight</c> or <c>.bias</c>.</summary>
        public string Stem => Name.Substring(0, Name.LastIndexOf('.'));
    }

    private NameCheck(ParseContext context, Location? where) => (this.context, this.where) = (context, where);

    public static void Run(ParseContext context, Location? where, BlockSpec body, IReadOnlyList<BlockSpec> layers)
    {
        var check = new NameCheck(context, where);
        check.Block(body, "");
        foreach (var part in body.Parts.Where(p => p.Kind == PartKind.Layers && p.Hf.Length > 0))
        {
            check.Spelled(body, part, Layer);
            if (layers.FirstOrDefault(l => l.FullName == part.Extra) is { } layer)
            {
                check.Block(layer, part.Hf + ".");
            }
        }
    }

    private void Block(BlockSpec block, string prefix)
    {
        foreach (var part in block.Parts.Where(p => p.HasWeight && p.Hf.Length > 0))
        {
            if (!Spelled(block, part, part.Kind == PartKind.Experts ? Expert : ""))
            {
                continue;
            }

            foreach (var name in Tensors(part).Select(t => new Named(prefix + t, block, part)))
            {
                if (!Taken(name))
                {
                    seen.Add(name);
                }
            }
        }
    }

    private static IEnumerable<string> Tensors(PartSpec part)
    {
        if (part.Experts is { } experts)
        {
            return new[] { experts.Gate, experts.Up, experts.Down }.Where(m => m.Length > 0).Select(m => $"{part.Hf}.{m}.weight");
        }

        return part.Bias == "false" ? new[] { part.Hf + ".weight" } : new[] { part.Hf + ".weight", part.Hf + ".bias" };
    }

    // Letters, digits, dots; a placeholder only where something is put in its place.
    private bool Spelled(BlockSpec block, PartSpec part, string placeholder)
    {
        var stray = Regex.Match(part.Hf, @"\{[^}]*\}?|\}");
        while (stray.Success && stray.Value == placeholder)
        {
            stray = stray.NextMatch();
        }

        var wrong = stray.Success && stray.Value == Layer ? Layer + " stands in the name of the [Layers] only, and is put before the names of its parts"
            : stray.Success && stray.Value == Expert ? Expert + " stands in the name of [Experts] only"
            : stray.Success ? $"{stray.Value} is put in place by nothing; there are {Layer} and {Expert}"
            : Regex.IsMatch(part.Hf.Replace(placeholder.Length > 0 ? placeholder : Layer, "0"), @"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$") ? ""
            : "a name is made of words of letters, digits, _ and - with dots between them";
        if (wrong.Length > 0)
        {
            Report(Diagnostics.NoInverse, block, part, part.Hf, wrong);
        }

        return wrong.Length == 0;
    }

    private bool Taken(Named name)
    {
        foreach (var other in seen)
        {
            if (Meet(other.Name, name.Name))
            {
                Report(Diagnostics.SameParameterName, name.Block, name.Part, name.Name, $"{other.Block.Name}.{other.Part.Method}", $"{name.Block.Name}.{name.Part.Method}");
                return true;
            }

            if (Meet(name.Stem, other.Name) || Meet(other.Stem, name.Name))
            {
                Report(
                    Diagnostics.NoInverse, name.Block, name.Part, name.Name,
                    $"beside '{other.Name}' of {other.Block.Name}.{other.Part.Method} one is a tensor and the beginning of the other's name; no word of a name is weight or bias of another part");
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether two names with placeholders can come to the same text.</summary>
    private static bool Meet(string a, string b)
    {
        var (left, right) = (a.Split('.'), b.Split('.'));
        return left.Length == right.Length && left.Zip(right, Words).All(meet => meet);
    }

    // A word holds at most one number in place of a placeholder: compared as patterns.
    private static bool Words(string a, string b) =>
        a == b || Fits(a, b) || Fits(b, a);

    private static bool Fits(string pattern, string text) =>
        pattern.IndexOf('{') >= 0
        && Regex.IsMatch(text.Replace(Layer, "0").Replace(Expert, "0"), "^" + Regex.Escape(pattern).Replace(Regex.Escape(Layer), "[0-9]+").Replace(Regex.Escape(Expert), "[0-9]+") + "$");

    private void Report(string id, BlockSpec block, PartSpec part, params string[] arguments) =>
        context.Report(id, context.Word(block, part.Method, AttributeNames.Hf, r => r.Texts[0].Where) ?? where, arguments);
}
