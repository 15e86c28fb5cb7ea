// Reads one record marked [Model] with its layers into plain values.
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Evo.Generators.Spec.Parsing;

internal static class ModelParser
{
    public static ParsedSpec Parse(GeneratorAttributeSyntaxContext found, CancellationToken cancel)
    {
        var context = new ParseContext(found.SemanticModel.Compilation);
        var record = (INamedTypeSymbol)found.TargetSymbol;
        var attribute = found.Attributes[0];
        if (attribute.AttributeConstructor is null)
        {
            // Its arguments are still being typed, and the compiler says so.
            return new ParsedSpec(null, default, default);
        }

        if (!CheckRecord(context, record, (TypeDeclarationSyntax)found.TargetNode))
        {
            return new ParsedSpec(null, default, context.Findings);
        }

        var properties = PropertyParser.Parse(context, record);
        var scope = new SizeScope(context, record, record, "");
        var body = BlockParser.Parse(context, record, record, "", "", false, scope, "", cancel);
        var width = body.Parts.FirstOrDefault(p => p.Kind == PartKind.Embedding) is { SizeTexts.Count: 2 } embedding ? embedding.SizeTexts[1] : "";
        var layers = new List<BlockSpec>();
        var layerTypes = new List<INamedTypeSymbol>();
        foreach (var type in LayerTypes(record))
        {
            layerTypes.Add(type);
            if (LayerOf(context, type, record, width, cancel) is { } layer)
            {
                layers.Add(layer);
            }
        }

        CheckRoles(context, record, body);
        var where = record.Locations.FirstOrDefault();
        NameCheck.Run(context, where, body, layers);
        TieCheck.Run(context, body);
        if (context.Clean)
        {
            DegreeCheck.Run(context, record, layerTypes, body, layers);
        }

        if (!context.Clean)
        {
            var stubs = new[] { record }.Concat(layerTypes).Select(t => StubOf(t, ReferenceEquals(t, record)));
            return new ParsedSpec(null, new EquatableArray<StubSpec>(stubs), context.Findings);
        }

        var reader = new AttributeReader(attribute);
        NumberCheck.Init(context, record, reader.Named("InitStd", "0.02"), scope.Read(reader.Named("InitStd", "0.02"), SizeKind.Number));
        return new ParsedSpec(
            new ModelSpec(
                reader.Texts[0].Text,
                reader.Named("HuggingFace", "").Text,
                reader.Named("ModelType", "").Text,
                DocText.Of(record),
                new EquatableArray<PropertySpec>(properties),
                new EquatableArray<DividesSpec>(Divides(record, scope)),
                new EquatableArray<OnlySpec>(Only(record)),
                new EquatableArray<string>(Symbols.Attributes(record, AttributeNames.HfNeutral).Select(a => new AttributeReader(a).Texts[0].Text)),
                WithInit(body, scope.Read(reader.Named("InitStd", "0.02"), SizeKind.Number), ""),
                new EquatableArray<BlockSpec>(layers.Select(l => WithInit(l, new SizeScope(context, record, record, l.ModelParameter).Read(reader.Named("InitStd", "0.02"), SizeKind.Number), l.ModelParameter)))),
            default,
            context.Findings);
    }

    // Weights that say nothing start as the model says.
    private static BlockSpec WithInit(BlockSpec block, string init, string modelParameter)
    {
        var prefixed = modelParameter.Length > 0 && SyntaxFacts.IsValidIdentifier(init) ? $"{modelParameter}.{init}" : init;
        return block with { Parts = new EquatableArray<PartSpec>(block.Parts.Select(p => p.Init.Length == 0 ? p with { Init = prefixed } : p)) };
    }

    private static bool CheckRecord(ParseContext context, INamedTypeSymbol record, TypeDeclarationSyntax syntax)
    {
        var wrong = !record.IsRecord ? "it must be a record"
            : !syntax.Modifiers.Any(SyntaxKind.PartialKeyword) ? "it must be partial"
            : !record.IsSealed ? "it must be sealed"
            : record.ContainingType is not null ? "it must not be nested in another type"
            : record.IsGenericType ? "it must not be generic"
            : !Symbols.DerivesFrom(record, AttributeNames.CausalLM) ? "it must derive from CausalLM"
            : "";
        if (wrong.Length > 0)
        {
            context.Report(Diagnostics.NotASpec, syntax.Identifier.GetLocation(), record.Name, wrong);
        }

        return wrong.Length == 0;
    }

    private static IEnumerable<INamedTypeSymbol> LayerTypes(INamedTypeSymbol record) =>
        record.GetMembers().OfType<IMethodSymbol>()
            .Select(m => Symbols.Attribute(m, AttributeNames.Layers)?.ConstructorArguments[0].Value as INamedTypeSymbol)
            .OfType<INamedTypeSymbol>()
            .Distinct<INamedTypeSymbol>(SymbolEqualityComparer.Default);

    private static BlockSpec? LayerOf(ParseContext context, INamedTypeSymbol type, INamedTypeSymbol model, string width, CancellationToken cancel)
    {
        var syntax = type.DeclaringSyntaxReferences.Select(r => r.GetSyntax(cancel)).OfType<RecordDeclarationSyntax>().FirstOrDefault();
        var parameters = syntax?.ParameterList is null ? null : type.InstanceConstructors.FirstOrDefault(c => c.DeclaringSyntaxReferences.Any(r => r.GetSyntax(cancel) == syntax))?.Parameters;
        var ofModel = parameters?.FirstOrDefault(p => SymbolEqualityComparer.Default.Equals(p.Type, model));
        var index = parameters?.FirstOrDefault(p => p.Type.SpecialType == SpecialType.System_Int32);
        var wrong = syntax is null ? "it must be a record of this project"
            : !syntax.Modifiers.Any(SyntaxKind.PartialKeyword) ? "it must be partial"
            : !type.IsSealed ? "it must be sealed"
            : type.ContainingType is not null ? "it must not be nested in another type"
            : ofModel is null ? $"its constructor must take the model: {type.Name}({model.Name} M)"
            : parameters!.Value.Length != (index is null ? 1 : 2) ? $"its constructor may take the model and an index only: {type.Name}({model.Name} M, int Index)"
            : "";
        if (wrong.Length > 0)
        {
            context.Report(Diagnostics.LayerShape, syntax?.Identifier.GetLocation() ?? model.Locations.FirstOrDefault(), type.Name, model.Name, wrong);
            return null;
        }

        var scope = new SizeScope(context, type, model, ofModel!.Name);
        var ownWidth = width.Length == 0 || !context.Clean ? "" : scope.Read((width, null), SizeKind.Whole);
        return BlockParser.Parse(context, type, model, ofModel.Name, index?.Name ?? "", index?.Ordinal == 0, scope, ownWidth, cancel);
    }

    private static void CheckRoles(ParseContext context, INamedTypeSymbol record, BlockSpec body)
    {
        void Role(PartKind kind, bool ok, string rule)
        {
            if (!ok)
            {
                context.Report(Diagnostics.MissingRole, record.Locations.FirstOrDefault(), record.Name, body.Parts.Count(p => p.Kind == kind).ToString(), kind.ToString(), rule);
            }
        }

        Role(PartKind.Layers, body.Parts.Count(p => p.Kind == PartKind.Layers) == 1, "one");
        Role(PartKind.Head, body.Parts.Count(p => p.Kind == PartKind.Head) == 1, "one");
        Role(PartKind.Embedding, body.Parts.Any(p => p.Kind == PartKind.Embedding), "at least one");
        foreach (var experts in body.Parts.Where(p => p.Kind == PartKind.Experts))
        {
            context.Report(
                Diagnostics.NotASpec, record.GetMembers(experts.Method).First().Locations.FirstOrDefault(), record.Name,
                $"its [Experts] {experts.Method} must stand in a layer's record, where its router's figures are collected");
        }

        foreach (var head in body.Parts.Where(p => p.Kind == PartKind.Head && p.Extra2.Length > 0 && !body.Parts.Any(e => e.Kind == PartKind.Embedding && e.Method == p.Extra)))
        {
            context.Report(Diagnostics.UnknownTie, record.GetMembers(head.Method).First().Locations.FirstOrDefault(), head.Extra, record.Name);
        }
    }

    private static IEnumerable<DividesSpec> Divides(INamedTypeSymbol record, SizeScope scope)
    {
        foreach (var attribute in Symbols.Attributes(record, AttributeNames.Divides))
        {
            var reader = new AttributeReader(attribute);
            var (divisor, dividend) = (reader.Texts[0], reader.Texts[1]);
            yield return new DividesSpec(
                divisor.Text, scope.Read(divisor, SizeKind.Whole), dividend.Text, scope.Read(dividend, SizeKind.Whole),
                reader.Named("Unless", "").Text, reader.Named("Because", "").Text);
        }
    }

    private static IEnumerable<OnlySpec> Only(INamedTypeSymbol record)
    {
        foreach (var attribute in Symbols.Attributes(record, AttributeNames.HfOnly))
        {
            var value = attribute.ConstructorArguments[1];
            var text = value.Value is string s && s.StartsWith("=", System.StringComparison.Ordinal) ? s.Substring(1) : PropertyParser.Literal(value);
            yield return new OnlySpec(new AttributeReader(attribute).Texts[0].Text, text, new AttributeReader(attribute).Named("Because", "").Text);
        }
    }

    private static StubSpec StubOf(INamedTypeSymbol type, bool isModel)
    {
        var methods = type.GetMembers().OfType<IMethodSymbol>()
            .Where(m => m.IsPartialDefinition)
            .Select(m => m.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() as MethodDeclarationSyntax)
            .OfType<MethodDeclarationSyntax>()
            .Select(m => $"{string.Join(" ", m.Modifiers.Select(x => x.ValueText))} {TypeName(m.ReturnType, type)} {m.Identifier.Text}({Parameters(m, type)})");
        return new StubSpec(Symbols.Namespace(type), type.Name, Symbols.Accessibility(type), isModel, new EquatableArray<string>(methods));

        static string TypeName(TypeSyntax syntax, INamedTypeSymbol owner) => owner.GetMembers().OfType<IMethodSymbol>()
            .FirstOrDefault(m => m.DeclaringSyntaxReferences.Any(r => r.GetSyntax() == syntax.Parent))?.ReturnType.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat) ?? syntax.ToString();

        static string Parameters(MethodDeclarationSyntax method, INamedTypeSymbol owner)
        {
            var symbol = owner.GetMembers().OfType<IMethodSymbol>().First(m => m.DeclaringSyntaxReferences.Any(r => r.GetSyntax() == method));
            return string.Join(", ", symbol.Parameters.Select(p => p.Type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat) + " " + p.Name));
        }
    }
}
