// Reads the partial methods of a record that carry a part's attribute.
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Evo.Generators.Spec.Parsing;

internal static class PartParser
{
    private static readonly Dictionary<string, PartKind> Kinds = new()
    {
        [AttributeNames.Layers] = PartKind.Layers,
        [AttributeNames.Embedding] = PartKind.Embedding,
        [AttributeNames.Head] = PartKind.Head,
        [AttributeNames.Column] = PartKind.Column,
        [AttributeNames.Row] = PartKind.Row,
        [AttributeNames.Linear] = PartKind.Linear,
        [AttributeNames.RmsNorm] = PartKind.RmsNorm,
        [AttributeNames.LayerNorm] = PartKind.LayerNorm,
        [AttributeNames.Rope] = PartKind.Rope,
        [AttributeNames.Attention] = PartKind.Attention,
        [AttributeNames.Dropout] = PartKind.Dropout,
        [AttributeNames.Router] = PartKind.Router,
        [AttributeNames.Experts] = PartKind.Experts,
    };

    /// <summary>The part's attribute of a method, or null.</summary>
    public static AttributeData? AttributeOf(IMethodSymbol method) =>
        method.GetAttributes().FirstOrDefault(a => a.AttributeConstructor is not null && Symbols.Is(a.AttributeClass?.BaseType, AttributeNames.Part));

    public static List<PartSpec> Parse(ParseContext context, INamedTypeSymbol record, SizeScope scope, CancellationToken cancel)
    {
        var parts = new List<PartSpec>();
        foreach (var method in record.GetMembers().OfType<IMethodSymbol>())
        {
            cancel.ThrowIfCancellationRequested();
            // The implementing half is ours; the half with the attribute is the spec's.
            if (method.PartialDefinitionPart is null && AttributeOf(method) is { AttributeClass: { } type } attribute
                && Kinds.TryGetValue(Symbols.NameOf(type), out var kind))
            {
                parts.Add(Read(context, method, attribute, kind, scope));
            }
        }

        return parts;
    }

    private static PartSpec Read(ParseContext context, IMethodSymbol method, AttributeData attribute, PartKind kind, SizeScope scope)
    {
        CheckSignature(context, method, kind);
        var reader = new AttributeReader(attribute);
        var hf = Symbols.Attribute(method, AttributeNames.Hf);
        var name = hf?.ConstructorArguments[0].Value as string ?? "";
        var texts = reader.Texts;
        // The first argument of [Layers] is a type.
        var sizes = kind == PartKind.Layers ? texts.Skip(1).ToList() : texts.ToList();
        var init = reader.Named("Init", "");
        var bias = kind switch
        {
            PartKind.Column or PartKind.Row or PartKind.Linear => scope.Read(reader.Named("Bias", "false"), SizeKind.Flag),
            PartKind.LayerNorm => scope.Read(reader.Named("Bias", "true"), SizeKind.Flag),
            _ => "false",
        };
        var part = new PartSpec(
            kind,
            method.Name,
            Modifiers(method),
            new EquatableArray<string>(method.Parameters.Select(p => p.Name)),
            DocText.Of(method),
            name,
            hf is not null && new AttributeReader(hf).Flag("Transposed"),
            new EquatableArray<string>(sizes.Select((s, i) => scope.Read(s, IsNumber(kind, i) ? SizeKind.Number : SizeKind.Whole))),
            new EquatableArray<string>(sizes.Select(s => s.Text)),
            bias,
            init.Text.Length == 0 ? "" : scope.Read(init, SizeKind.Number),
            "",
            "");
        part = Special(part, reader, scope);
        if (kind is PartKind.Column or PartKind.Linear && sizes.Count < 2)
        {
            context.Report(Diagnostics.UnreadableSize, reader.Where, kind.ToString(), "it needs an input size and at least one output size");
        }

        if ((part.HasWeight || kind == PartKind.Layers) && name.Length == 0)
        {
            context.Report(Diagnostics.MissingMapping, method.Locations.FirstOrDefault(), method.Name);
        }

        if (kind == PartKind.Layers && name.Length > 0 && name.Split(new[] { "{layer}" }, System.StringSplitOptions.None).Length != 2)
        {
            context.Report(Diagnostics.LayerPlaceholder, new AttributeReader(hf!).Texts[0].Where, name);
        }

        if (kind == PartKind.Experts && name.Length > 0 && name.Split(new[] { "{expert}" }, System.StringSplitOptions.None).Length != 2)
        {
            context.Report(Diagnostics.ExpertPlaceholder, new AttributeReader(hf!).Texts[0].Where, name);
        }

        return part;
    }

    // Second argument of a norm and of rotary positions, only argument of dropout: fractions.
    private static bool IsNumber(PartKind kind, int argument) => kind switch
    {
        PartKind.RmsNorm or PartKind.LayerNorm or PartKind.Rope => argument == 1,
        PartKind.Dropout => true,
        _ => false,
    };

    private static PartSpec Special(PartSpec part, AttributeReader reader, SizeScope scope)
    {
        switch (part.Kind)
        {
            case PartKind.Layers:
                return part with { Extra = reader.Value(0) is INamedTypeSymbol layer ? layer.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat) : "" };
            case PartKind.Head:
                var tied = reader.Named("Tied", "");
                return part with
                {
                    Extra = reader.Named("TiedTo", "").Text,
                    Extra2 = tied.Text.Length == 0 ? "" : scope.Read(tied, SizeKind.Flag),
                    Flag = scope.Read(reader.Named("Normalized", "false"), SizeKind.Flag),
                };
            case PartKind.RmsNorm:
                return part with { Flag = scope.Read(reader.Named("Offset", "false"), SizeKind.Flag) };
            case PartKind.Rope:
                var scaling = reader.Named("Scaling", "");
                return part with
                {
                    Extra = scaling.Text.Length == 0 ? "" : scope.Read(scaling, SizeKind.Any),
                    Extra2 = scope.Read(reader.Named("MaxPositions", "0"), SizeKind.Whole),
                };
            case PartKind.Attention:
                var scale = reader.Named("Scale", "");
                return part with
                {
                    Extra = scale.Text.Length == 0 ? "" : scope.Read(scale, SizeKind.Number),
                    Extra2 = scope.Read(reader.Named("Dropout", "0"), SizeKind.Number),
                    Window = scope.Read(reader.Named("Window", "0"), SizeKind.Whole),
                    Alibi = scope.Read(reader.Named("Alibi", "false"), SizeKind.Flag),
                };
            case PartKind.Router:
                return part with { Extra2 = scope.Read(reader.Named("Jitter", "0"), SizeKind.Number) };
            case PartKind.Experts:
                return part with { Experts = Experts(reader, scope) };
            default:
                return part;
        }
    }

    private static ExpertsSpec Experts(AttributeReader reader, SizeScope scope)
    {
        string Read(string name, SizeKind kind) => reader.Named(name, "") is { Text.Length: > 0 } given ? scope.Read(given, kind) : "";
        return new ExpertsSpec(
            Read("Activation", SizeKind.Any),
            scope.Read(reader.Named("Normalize", "false"), SizeKind.Flag),
            reader.Given("Gate", "gate_proj"),
            reader.Given("Up", "up_proj"),
            reader.Given("Down", "down_proj"),
            Read("DownInit", SizeKind.Number),
            Read("Capacity", SizeKind.Number),
            Read("EvalCapacity", SizeKind.Number),
            scope.Read(reader.Named("MinCapacity", "0"), SizeKind.Whole),
            scope.Read(reader.Named("Sampled", "false"), SizeKind.Flag),
            scope.Read(reader.Named("ByLot", "false"), SizeKind.Flag));
    }

    private static string Modifiers(IMethodSymbol method)
    {
        var syntax = method.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() as MethodDeclarationSyntax;
        return syntax is null ? "private partial" : string.Join(" ", syntax.Modifiers.Select(m => m.ValueText));
    }

    private static void CheckSignature(ParseContext context, IMethodSymbol method, PartKind kind)
    {
        var wanted = kind switch
        {
            PartKind.Layers or PartKind.Rope => "Tensor {0}(Tensor x, Positions at)",
            PartKind.Attention => "Tensor {0}(Tensor q, Tensor k, Tensor v, Positions at)",
            PartKind.Experts => "Tensor {0}(Tensor x, Tensor logits)",
            _ => "Tensor {0}(Tensor x)",
        };
        var tensors = kind switch { PartKind.Attention => 3, PartKind.Experts => 2, _ => 1 };
        var positions = kind is PartKind.Layers or PartKind.Rope or PartKind.Attention ? 1 : 0;
        var right = method.IsPartialDefinition
            && !method.IsStatic
            && Symbols.Is(method.ReturnType, AttributeNames.Tensor)
            && method.Parameters.Length == tensors + positions
            && method.Parameters.Take(tensors).All(p => Symbols.Is(p.Type, AttributeNames.Tensor))
            && method.Parameters.Skip(tensors).All(p => Symbols.Is(p.Type, AttributeNames.Positions));
        if (!right)
        {
            context.Report(Diagnostics.PartSignature, method.Locations.FirstOrDefault(), method.Name, $"'private partial {string.Format(wanted, method.Name)}'");
        }
        else if (method.ContainingType.GetMembers(method.Name).OfType<IMethodSymbol>().Count(m => m.PartialDefinitionPart is null) > 1)
        {
            context.Report(Diagnostics.PartSignature, method.Locations.FirstOrDefault(), method.Name, "under a name that no other method has");
        }
    }
}
