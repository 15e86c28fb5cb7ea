// A head that shares an embedding's table needs it as the head needs its own: rows by the vocabulary, cut the same way.
using System.Linq;

namespace Evo.Generators.Spec.Parsing;

internal static class TieCheck
{
    public static void Run(ParseContext context, BlockSpec body)
    {
        foreach (var head in body.Parts.Where(p => p.Kind == PartKind.Head && p.Extra2.Length > 0))
        {
            var table = body.Parts.FirstOrDefault(p => p.Kind == PartKind.Embedding && p.Method == head.Extra);
            if (table is null || !context.Clean)
            {
                continue;
            }

            var wrong = !IsOfTokens(body, table) ? "is looked up by something else and held whole on every rank"
                : !Same(head.Sizes[1], table.Sizes[0]) ? $"has {table.SizeTexts[0]} rows where the head has {head.SizeTexts[1]}"
                : !Same(head.Sizes[0], table.Sizes[1]) ? $"has rows of {table.SizeTexts[1]} where the head reads {head.SizeTexts[0]}"
                : "";
            if (wrong.Length > 0)
            {
                context.Report(Diagnostics.TiedPlacements, context.Word(body, head.Method, r => r.Named("TiedTo", "").Where), head.Method, table.Method, wrong);
            }
        }
    }

    private static bool Same(string a, string b) => Compiling.Size.Of(a).Equals(Compiling.Size.Of(b));

    // Value 0 of a model's forward is the token ids.
    private static bool IsOfTokens(BlockSpec body, PartSpec table) =>
        body.Forward.Any(s => s.Kind == StepKind.Part && s.Name == table.Method && s.Inputs[0] == 0);
}
