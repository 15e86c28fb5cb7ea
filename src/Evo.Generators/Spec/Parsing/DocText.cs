// The summary of a documentation comment as plain text. Read from the trivia, because a project that writes no
// documentation file has no documentation symbols.
using System.Linq;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;

namespace Evo.Generators.Spec.Parsing;

internal static class DocText
{
    public static string Of(ISymbol symbol)
    {
        var node = symbol.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax();
        if (node is null)
        {
            return "";
        }

        var lines = node.GetLeadingTrivia().ToFullString().Split('\n')
            .Select(l => l.Trim())
            .Where(l => l.StartsWith("///", System.StringComparison.Ordinal))
            .Select(l => l.Substring(3).Trim());
        var text = string.Join(" ", lines);
        var summary = Regex.Match(text, "<summary>(.*?)</summary>");
        text = summary.Success ? summary.Groups[1].Value : text;
        text = Regex.Replace(text, "<(?:see|paramref|typeparamref)[^>]*?(?:cref|name|langword)=\"(?:[^\"]*\\.)?([^\".]+)\"[^>]*/>", "$1");
        text = Regex.Replace(text, "<[^>]+>", "");
        text = text.Replace("&lt;", "<").Replace("&gt;", ">").Replace("&amp;", "&");
        return Regex.Replace(text, "\\s+", " ").Trim();
    }
}
