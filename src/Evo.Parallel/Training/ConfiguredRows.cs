using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>The rows of data sets as a configuration asks for them.</summary>
internal static class ConfiguredRows
{
    /// <summary>Tokens of the documents, 0 for those that are too short to be used.</summary>
    internal static IReadOnlyList<int> Lengths(TokenDataset set, DataConfig data)
    {
        var least = LeastLengths.TryParse(data.MinLength, data.MinLengths)!.Value;
        return set.LengthsFrom(least.For);
    }

    /// <summary>The rows of some parts of a data set, one after the other; no row holds documents of two.</summary>
    /// <param name="data">Sizes, and whether attention crosses documents.</param>
    /// <param name="packing">How documents are packed.</param>
    /// <param name="parts">The parts.</param>
    /// <param name="stream">The documents of a part in their order.</param>
    internal static JoinedRows Rows(DataConfig data, string packing, IReadOnlyList<DocumentRange> parts, Func<DocumentRange, DocumentStream> stream) => new(
        data.SeqLen, data.RowTokens, [.. parts.Select(part => RowPlans.Of(packing, stream(part), data.SeqLen, data.RowTokens, !data.PackSampleIntoOne))]);

    /// <summary>Throws where there are fewer rows than a run needs.</summary>
    internal static void RequireRows(TokenDataset set, RowPlan plan, long needed, string key)
    {
        if (plan.Rows < needed)
        {
            throw new DataException(
                set.Path,
                $"{set.Tokens} tokens in {set.DocumentCount} documents, {plan.Rows} rows",
                needed == 1
                    ? $"{key} must fill at least one row of data.seq_len x data.micro_bsz = {plan.RowTokens} tokens"
                    : $"{key} must fill the {needed} rows of one step, or of the ramp-up, of data.seq_len x data.micro_bsz = {plan.RowTokens} tokens each",
                "give more text, or make seq_len, micro_bsz or min_length smaller");
        }
    }
}
