// Reads the settable properties of a model record: what its configs may say.
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Evo.Generators.Spec.Parsing;

internal static class PropertyParser
{
    public static List<PropertySpec> Parse(ParseContext context, INamedTypeSymbol model)
    {
        var found = new List<PropertySpec>();
        var keys = new Dictionary<string, string>();
        var computed = Computed(model).ToList();
        foreach (var property in model.GetMembers().OfType<IPropertySymbol>())
        {
            if (property.IsStatic || property.SetMethod is null || property.DeclaredAccessibility != Accessibility.Public)
            {
                continue;
            }

            var hf = Symbols.Attribute(property, AttributeNames.Hf);
            var run = Symbols.Attribute(property, AttributeNames.RunKey);
            var where = property.Locations.FirstOrDefault();
            if (hf is null && run is null)
            {
                context.Report(Diagnostics.PropertyWithoutKey, where, property.Name);
                continue;
            }

            if (TypeOf(property.Type) is not { } type)
            {
                context.Report(Diagnostics.PropertyOfWrongType, where, property.Name, Symbols.NameOf(property.Type));
                continue;
            }

            foreach (var (attribute, kind) in new[] { (hf, "config.json "), (run, "run ") })
            {
                if (attribute is null)
                {
                    continue;
                }

                var key = attribute.ConstructorArguments[0].Value as string ?? "";
                if (keys.TryGetValue(kind + key, out var other))
                {
                    context.Report(Diagnostics.SameConfigKey, new AttributeReader(attribute).Texts[0].Where, key, other, property.Name);
                }

                keys[kind + key] = property.Name;
            }

            found.Add(new PropertySpec(
                property.Name,
                type,
                type == PropertyType.Value ? property.Type.WithNullableAnnotation(NullableAnnotation.NotAnnotated).ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat) : "",
                DocText.Of(property),
                hf?.ConstructorArguments[0].Value as string ?? "",
                run?.ConstructorArguments[0].Value as string ?? "",
                run is not null && new AttributeReader(run).Flag("Required"),
                run is null ? "" : Literal(run.NamedArguments.FirstOrDefault(a => a.Key == "Default").Value),
                OneOf(property),
                Ratio(property),
                new EquatableArray<string>(computed.Where(c => c.Of == property.Name).Select(c => c.Name)))
            {
                Least = Symbols.Attribute(property, AttributeNames.Least)?.ConstructorArguments[0].Value as int? ?? 1,
            });
        }

        return found;
    }

    // Name => Of ?? something else: what a person knows as Of's key.
    private static IEnumerable<(string Name, string Of)> Computed(INamedTypeSymbol model) =>
        model.GetMembers().OfType<IPropertySymbol>()
            .SelectMany(p => p.DeclaringSyntaxReferences.Select(r => r.GetSyntax()))
            .OfType<PropertyDeclarationSyntax>()
            .Where(p => p.ExpressionBody?.Expression is BinaryExpressionSyntax { RawKind: (int)SyntaxKind.CoalesceExpression, Left: IdentifierNameSyntax })
            .Select(p => (p.Identifier.ValueText, ((IdentifierNameSyntax)((BinaryExpressionSyntax)p.ExpressionBody!.Expression).Left).Identifier.ValueText));

    /// <summary>A constant as C#; empty for none.</summary>
    public static string Literal(TypedConstant constant) => constant.Kind is TypedConstantKind.Error or TypedConstantKind.Array ? "" : constant.Value switch
    {
        bool b => b ? "true" : "false",
        int i => i.ToString(CultureInfo.InvariantCulture),
        double d => Number(d),
        string s => Quote(s),
        _ => "",
    };

    public static string Quote(string text) => "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"";

    private static string Number(double d)
    {
        var text = d.ToString("R", CultureInfo.InvariantCulture);
        return text.Any(c => c is '.' or 'E') ? text : text + ".0";
    }

    private static EquatableArray<string> OneOf(IPropertySymbol property)
    {
        var attribute = Symbols.Attribute(property, AttributeNames.OneOf);
        return new EquatableArray<string>(attribute is null ? [] : new AttributeReader(attribute).Texts.Select(t => t.Text));
    }

    private static RatioSpec? Ratio(IPropertySymbol property)
    {
        var attribute = Symbols.Attribute(property, AttributeNames.Ratio);
        if (attribute is null)
        {
            return null;
        }

        var reader = new AttributeReader(attribute);
        return new RatioSpec(
            reader.Value(0) as string ?? "", reader.Value(1) as string ?? "", reader.Value(2) as string ?? "", reader.Value(3) as int? ?? 1,
            Literal(attribute.NamedArguments.FirstOrDefault(a => a.Key == "Usual").Value));
    }

    private static PropertyType? TypeOf(ITypeSymbol type)
    {
        var nullable = type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T };
        var inner = nullable ? ((INamedTypeSymbol)type).TypeArguments[0] : type;
        return inner.SpecialType switch
        {
            SpecialType.System_Int32 => nullable ? PropertyType.NullableInt : PropertyType.Int,
            SpecialType.System_Double => nullable ? PropertyType.NullableDouble : PropertyType.Double,
            SpecialType.System_Boolean => nullable ? PropertyType.NullableBool : PropertyType.Bool,
            SpecialType.System_String => type.NullableAnnotation == NullableAnnotation.Annotated ? PropertyType.NullableText : PropertyType.Text,
            _ when inner.AllInterfaces.Any(i => Symbols.NameOf(i.OriginalDefinition) == AttributeNames.HuggingFaceValue) => PropertyType.Value,
            _ => null,
        };
    }
}
