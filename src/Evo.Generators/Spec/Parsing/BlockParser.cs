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
            Check(context, record, block, forward, cancel);
        }

        if (context.Clean)
        {
            NumberCheck.Run(context, record, model, block);
        }

        return block;
    }

    private static void Check(ParseContext context, INamedTypeSymbol record, BlockSpec block, IMethodSymbol forward, CancellationToken cancel)
    {
        var where = forward.Locations.FirstOrDefault();
        if (!Flow.IsWhole(block))
        {
            // What is half typed the compiler reports; what is not must not pass in silence.
            if (!IsHalfTyped(context, record, cancel))
            {
                context.Report(Diagnostics.UnreadableForward, where, forward.Name, "each value that it returns is made by its parts");
            }

            context.LeaveToCompiler();
            return;
        }

        if (block.IsModel && !block.Parts.Any(p => p.Kind == PartKind.Embedding))
        {
            return;
        }

        foreach (var finding in Programs.Check(block, AlgebraTable.Standard))
        {
            context.Report(finding.Id, context.Made.TryGetValue(finding.Value, out var word) ? word : where, finding.Arguments);
        }
    }

    // Errors of the compiler's own inside of the record, beside those that the missing half of it makes.
    private static bool IsHalfTyped(ParseContext context, INamedTypeSymbol record, CancellationToken cancel) =>
        record.DeclaringSyntaxReferences.Any(r => context.Compilation.GetSemanticModel(r.SyntaxTree).GetDiagnostics(r.Span, cancel)
            .Any(d => d.Severity == DiagnosticSeverity.Error && d.Id is not ("CS8795" or "CS0534")));

    private static IEnumerable<string> Uses(IEnumerable<StepSpec> steps) =>
        steps.SelectMany(s => s.Kind switch
        {
            StepKind.Part => new[] { s.Name },
            StepKind.Choice => Uses(s.Then).Concat(Uses(s.Else)),
            _ => Enumerable.Empty<string>(),
        });
}
