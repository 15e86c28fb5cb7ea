// The arguments of one attribute, each with the word that it was written as.
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Evo.Generators.Spec.Parsing;

internal sealed class AttributeReader
{
    private readonly AttributeData data;
    private readonly AttributeSyntax? syntax;

    public AttributeReader(AttributeData data)
    {
        this.data = data;
        syntax = data.ApplicationSyntaxReference?.GetSyntax() as AttributeSyntax;
    }

    public Location? Where => syntax?.GetLocation();

    /// <summary>The positional texts, those of a params array among them.</summary>
    public IReadOnlyList<(string Text, Location? Where)> Texts
    {
        get
        {
            var values = data.ConstructorArguments
                .SelectMany(a => a.Kind == TypedConstantKind.Array ? a.Values.AsEnumerable() : new[] { a })
                .ToList();
            var words = syntax?.ArgumentList?.Arguments.Where(a => a.NameEquals is null).ToList() ?? new List<AttributeArgumentSyntax>();
            return values
                .Select((v, i) => (v.Value as string ?? "", i < words.Count ? words[i].Expression.GetLocation() : Where))
                .ToList();
        }
    }

    public object? Value(int index) => index < data.ConstructorArguments.Length ? data.ConstructorArguments[index].Value : null;

    public (string Text, Location? Where) Named(string name, string fallback) =>
        (Symbols.Text(data, name, fallback), Word(name) ?? Where);

    /// <summary>A named text that may be given as empty.</summary>
    public string Given(string name, string fallback) =>
        data.NamedArguments.Any(a => a.Key == name) ? Named(name, "").Text : fallback;

    public bool Flag(string name) => data.NamedArguments.FirstOrDefault(a => a.Key == name).Value.Value is true;

    private Location? Word(string name) =>
        syntax?.ArgumentList?.Arguments.FirstOrDefault(a => a.NameEquals?.Name.Identifier.ValueText == name)?.Expression.GetLocation();
}
