// Reads what a model and a layer have in common: parts and a forward that uses each of them.
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Evo.Generators.Spec.Algebra;
using Evo.Generators.Spec.Compiling;
using Microsoft.CodeAnalysis;

namespace Evo.Generators.Spec.Parsing;

internal static class BlockParser
{
    public static BlockSpec Parse(
        ParseContext context, INamedTypeSymbol record, INamedTypeSymbol model, string modelParameter, string indexParameter, bool indexFirst,
        SizeScope scope, string width, CancellationToken cancel)
    {
        var parts = PartParser.Parse(context, record, scope, cancel);
        var forward = ForwardReader.Find(context, record);
        var steps = forward is null ? new List<StepSpec>() : ForwardReader.Read(context, record, forward, cancel);
        var order = Uses(steps).Distinct().ToList();
        foreach (var part in parts.Where(p => p.Kind != PartKind.Head && forward is not null && context.FlowComplete && !order.Contains(p.Method)))
        {
            context.Report(
                Diagnostics.UnusedPart, record.GetMembers(part.Method).First().Locations.FirstOrDefault(), part.Method, $"{record.Name}.{forward!.Name}");
        }

        // The table is in the order of the data flow; the head, which ends it, stands apart from the forward.
        var sorted = parts.OrderBy(p => p.Kind == PartKind.Head ? int.MaxValue : order.IndexOf(p.Method));
        var block = new BlockSpec(
            Symbols.Namespace(record), record.Name, Symbols.Accessibility(record), modelParameter, indexParameter, indexFirst,
            new EquatableArray<PartSpec>(sorted), forward?.Name ?? "", forward?.Parameters[0].Name ?? "x", width,
            new EquatableArray<DefaultSpec>(DefaultsReader.Read(record, model, modelParameter)), new EquatableArray<StepSpec>(steps));
        if (context.Clean && forward is not null && (block.IsModel || width.Length > 0))
        {
            foreach (var finding in Programs.Check(block, AlgebraTable.Standard))
            {
                context.Report(finding.Id, context.Made.TryGetValue(finding.Value, out var where) ? where : forward.Locations.FirstOrDefault(), finding.Arguments);
            }
        }

        return block;
    }

    private static IEnumerable<string> Uses(IEnumerable<StepSpec> steps) =>
        steps.SelectMany(s => s.Kind switch
        {
            StepKind.Part => new[] { s.Name },
            StepKind.Choice => Uses(s.Then).Concat(Uses(s.Else)),
            _ => Enumerable.Empty<string>(),
        });
}

/// <summary>Two parameters must not share a name in a checkpoint.</summary>
internal static class NameCheck
{
    public static void Run(ParseContext context, Location? where, BlockSpec body, IReadOnlyList<BlockSpec> layers)
    {
        foreach (var block in new[] { body }.Concat(layers))
        {
            var seen = new Dictionary<string, string>();
            foreach (var part in block.Parts.Where(p => p.HasWeight && p.Hf.Length > 0))
            {
                if (seen.TryGetValue(part.Hf, out var other))
                {
                    context.Report(Diagnostics.SameParameterName, Place(context, block, part) ?? where, part.Hf, $"{block.Name}.{other}", $"{block.Name}.{part.Method}");
                }

                seen[part.Hf] = part.Method;
            }
        }
    }

    private static Location? Place(ParseContext context, BlockSpec block, PartSpec part)
    {
        var type = context.Compilation.GetTypeByMetadataName(block.Namespace.Length == 0 ? block.Name : $"{block.Namespace}.{block.Name}");
        var method = type?.GetMembers(part.Method).FirstOrDefault();
        var attribute = method is null ? null : Symbols.Attribute(method, AttributeNames.Hf);
        return attribute is null ? null : new AttributeReader(attribute).Texts[0].Where;
    }
}
