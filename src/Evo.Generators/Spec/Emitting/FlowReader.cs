// A mode's forward as data flow: each local, the operation that makes it and the locals that it is made of, read off the
// statements that are emitted, so that the two cannot differ.
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Evo.Generators.Spec.Compiling;

namespace Evo.Generators.Spec.Emitting;

/// <summary>What one statement does.</summary>
/// <param name="Operation">Name of the operator, collective, function or view.</param>
/// <param name="From">Locals that it reads, in order.</param>
/// <param name="Detail">C# text of what else it is told, or a literal.</param>
internal sealed record Flow(string Operation, IReadOnlyList<string> From, string Detail);

internal sealed class FlowReader
{
    private readonly HashSet<string> known;

    public FlowReader(string input) => known = new HashSet<string> { input };

    /// <summary>A local that later statements may read.</summary>
    public void Add(string name) => known.Add(name);

    /// <summary>What a value's code does.</summary>
    public Flow Read(string code)
    {
        var from = Regex.Matches(code, @"(?<![A-Za-z0-9_.@])[A-Za-z_@][A-Za-z0-9_]*").Cast<Match>().Select(m => m.Value)
            .Where(known.Contains).Distinct().ToList();
        return Call(code, from) ?? View(code, from) ?? Operator(code, from);
    }

    /// <summary>The numbers of the sites that a statement's comment names.</summary>
    public static IEnumerable<int> Sites(string comment)
    {
        var found = Regex.Match(comment, @"^sites? (\d+)(?: to (\d+))?:");
        if (!found.Success)
        {
            return Enumerable.Empty<int>();
        }

        var first = int.Parse(found.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        var last = found.Groups[2].Success ? int.Parse(found.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture) : first;
        return Enumerable.Range(first, last - first + 1);
    }

    /// <summary>Arguments of the first call in a text.</summary>
    public static IReadOnlyList<string> Arguments(string code)
    {
        var start = code.IndexOf('(') + 1;
        var (depth, from, arguments) = (0, start, new List<string>());
        for (var i = start; i < code.Length; i++)
        {
            depth += code[i] is '(' or '[' or '{' ? 1 : code[i] is ')' or ']' or '}' ? -1 : 0;
            if (depth < 0 || (depth == 0 && code[i] == ','))
            {
                arguments.Add(code.Substring(from, i - from).Trim());
                from = i + 1;
            }

            if (depth < 0)
            {
                break;
            }
        }

        return arguments;
    }

    private static Flow? Call(string code, List<string> from)
    {
        if (code.StartsWith("at.Attend(", System.StringComparison.Ordinal))
        {
            return new Flow("Attention", from, "\"\"");
        }

        if (code.StartsWith("own.Run(", System.StringComparison.Ordinal))
        {
            return new Flow("Layers", from, "\"\"");
        }

        if (code.StartsWith("own.Routed(", System.StringComparison.Ordinal))
        {
            return new Flow("Alias", from, "\"\"");
        }

        if (code.StartsWith("own.Random.Dropout(", System.StringComparison.Ordinal))
        {
            return new Flow("Dropout", from, "\"\"");
        }

        if (Regex.Match(code, @"^global::Evo\.(?:Torch|Models)\.([A-Za-z]+)\.([A-Za-z]+)\(") is not { Success: true } call)
        {
            return Regex.IsMatch(code, @"^at(\.Part\(tensor\))?\.Ids$") ? new Flow("Positions", from, "\"\"") : null;
        }

        var (owner, name) = (call.Groups[1].Value, call.Groups[2].Value);
        var arguments = Arguments(code);
        var detail = (owner, name) switch
        {
            ("Functions", "Gated" or "Activate") or ("Ops", "GatedPair" or "GatedLinear" or "ActivatedLinear" or "Activation") => arguments[0],
            ("Shard", "Rotate") => Rotation(arguments[2], arguments[1]),
            ("Shard", "HeadsApart") when arguments.Count > 5 => Rotation(arguments[6], arguments[5]),
            ("Ops", "RmsNorm") when arguments.LastOrDefault() is { } last && last.StartsWith("offset: ", System.StringComparison.Ordinal) =>
                $"({last.Substring("offset: ".Length)}) ? \"offset\" : \"\"",
            ("Ops", "MixtureOfExperts") => arguments[4],
            ("ExpertParallel", "MixtureOfExperts") => arguments[6],
            _ => "\"\"",
        };
        // With a bias of a linear map, whose output it is the activation of.
        name = name == "Activation" ? "Activate" : name;
        return new Flow(owner is "VocabularyParallel" or "ExpertParallel" ? owner + name : name, from, detail);
    }

    private static string Rotation(string table, string places) =>
        Names.Quote(table.Substring(table.LastIndexOf('.') + 1) + (places.Contains("Part") ? " of this rank's tokens" : ""));

    // A view of one local, or one of the pieces that a split gave.
    private static Flow? View(string code, List<string> from) =>
        from.Count == 1 && code.StartsWith(from[0], System.StringComparison.Ordinal)
        && Regex.Match(code.Substring(from[0].Length), @"^(?:\[\d+\])?(?:\.([A-Za-z_]+)\(.*\))?$", RegexOptions.Singleline) is { Success: true } view
            ? new Flow(view.Groups[1].Success ? view.Groups[1].Value : code == from[0] ? "Alias" : "Piece", from, "\"\"")
            : null;

    private static Flow Operator(string code, List<string> from)
    {
        if (from.Count != 2)
        {
            return new Flow(code.Contains(" + ") || code.Contains(" - ") ? "Shift" : code.Contains("/ " + from.FirstOrDefault()) ? "Reciprocal" : "Scale", from, "\"\"");
        }

        var between = code.Length > from[0].Length + 3 ? code.Substring(from[0].Length, 3) : "";
        return new Flow(between switch { " + " => "Add", " - " => "Subtract", " * " => "Multiply", " / " => "Divide", _ => "Function" }, from, "\"\"");
    }
}
