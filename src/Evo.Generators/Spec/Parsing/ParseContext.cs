// Collects findings while one spec is read.
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Evo.Generators.Spec.Parsing;

internal sealed class ParseContext
{
    private readonly List<DiagnosticSpec> findings = new();
    private bool quiet;

    public ParseContext(Compilation compilation) => Compilation = compilation;

    public Compilation Compilation { get; }

    public EquatableArray<DiagnosticSpec> Findings => new(findings);

    /// <summary>Whether nothing refuses the spec so far; what is only warned of does not.</summary>
    public bool Clean => !quiet && !findings.Any(f => Diagnostics.Refuses(f.Id));

    /// <summary>Whether a forward could be read to its end; where not, what it seems to leave unused means nothing.</summary>
    public bool FlowComplete { get; private set; } = true;

    /// <summary>The word that made each value of the forward read last.</summary>
    public Dictionary<int, Location> Made { get; } = new();

    /// <summary>The place of an argument of the attribute of a part of a block.</summary>
    public Location? Word(BlockSpec block, string method, System.Func<AttributeReader, Location?> argument) => Word(block, method, null, argument);

    /// <summary>The same of an attribute of the given name.</summary>
    public Location? Word(BlockSpec block, string method, string? attribute, System.Func<AttributeReader, Location?> argument)
    {
        var type = Compilation.GetTypeByMetadataName(block.Namespace.Length == 0 ? block.Name : $"{block.Namespace}.{block.Name}");
        var found = type?.GetMembers(method).OfType<IMethodSymbol>().Where(m => m.PartialDefinitionPart is null)
            .Select(m => attribute is null ? PartParser.AttributeOf(m) : Symbols.Attribute(m, attribute)).FirstOrDefault(a => a is not null);
        return found is null ? null : argument(new AttributeReader(found));
    }

    /// <summary>The compiler itself reports what is wrong here: no finding of ours, but no model either.</summary>
    public void LeaveToCompiler() => (quiet, FlowComplete) = (true, false);

    public void Report(string id, Location? where, params string[] arguments)
    {
        FlowComplete &= id != Diagnostics.UnreadableForward;
        var span = (where ?? Location.None).GetLineSpan();
        var finding = new DiagnosticSpec(
            id,
            new PlaceSpec(
                span.Path ?? "",
                where?.SourceSpan.Start ?? 0,
                where?.SourceSpan.Length ?? 0,
                span.StartLinePosition.Line,
                span.StartLinePosition.Character,
                span.EndLinePosition.Line,
                span.EndLinePosition.Character),
            new EquatableArray<string>(arguments));
        if (finding.Place.Length == 0 || !findings.Any(f => f.Id == id && f.Place.Equals(finding.Place)))
        {
            // One word is wrong in one way, however many parts meet it.
            findings.Add(finding);
        }
    }

    public void Report(string id, SyntaxNode where, params string[] arguments) => Report(id, where.GetLocation(), arguments);
}

/// <summary>Questions about symbols that several parsers ask.</summary>
internal static class Symbols
{
    private static readonly SymbolDisplayFormat Plain =
        SymbolDisplayFormat.CSharpErrorMessageFormat.WithMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.None);

    public static string NameOf(ISymbol? type) => type?.ToDisplayString(Plain) ?? "";

    public static bool Is(ITypeSymbol? type, string name) => NameOf(type) == name;

    // One whose arguments are still being typed has no constructor: the compiler says so, and here it does not exist yet.
    public static IEnumerable<AttributeData> Attributes(ISymbol symbol, string name) =>
        symbol.GetAttributes().Where(a => a.AttributeConstructor is not null && Is(a.AttributeClass, name));

    public static AttributeData? Attribute(ISymbol symbol, string name) => Attributes(symbol, name).FirstOrDefault();

    public static string Text(AttributeData? attribute, string named, string fallback = "") =>
        attribute?.NamedArguments.FirstOrDefault(a => a.Key == named).Value.Value as string ?? fallback;

    public static bool DerivesFrom(ITypeSymbol? type, string name)
    {
        for (var t = type?.BaseType; t is not null; t = t.BaseType)
        {
            if (Is(t, name))
            {
                return true;
            }
        }

        return false;
    }

    public static string Namespace(INamedTypeSymbol type) =>
        type.ContainingNamespace is { IsGlobalNamespace: false } space ? space.ToDisplayString() : "";

    public static string Accessibility(ISymbol symbol) => symbol.DeclaredAccessibility == Microsoft.CodeAnalysis.Accessibility.Public ? "public" : "internal";
}
