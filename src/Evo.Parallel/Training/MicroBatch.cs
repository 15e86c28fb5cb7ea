using Evo.Data;

namespace Evo.Parallel;

/// <summary>One row of packed documents, as the model takes it: P = seq_len × micro_bsz tokens.</summary>
/// <param name="Tokens">[P] token ids.</param>
/// <param name="Labels">[P] the token that each position predicts, −100 where none counts.</param>
/// <param name="Positions">[P] position inside the document.</param>
/// <param name="Boundaries">[documents + 1] where each document begins, from 0 to P.</param>
public sealed record MicroBatch(long[] Tokens, long[] Labels, long[] Positions, int[] Boundaries)
{
    /// <summary>The micro-batch of a row as it was read.</summary>
    public static MicroBatch Of(TokenRow row) => new(Wide(row.Tokens), Wide(row.Labels), Wide(row.Positions), row.CuSeqlens) { Type = row.Types[0] };

    /// <summary>The type of its documents: a row of a run holds those of one only.</summary>
    public int Type { get; init; }

    /// <summary>Tokens of the step's whole batch before its first one, in the order of one device.</summary>
    public long FirstToken { get; init; }

    /// <summary>Labels that count.</summary>
    public long Targets { get; } = Labels.LongCount(label => label >= 0);

    /// <summary>Length of the longest document piece.</summary>
    public int LongestPiece { get; } = Boundaries.Zip(Boundaries.Skip(1), (begin, end) => end - begin).Max();

    /// <summary>The same tokens, of which nothing is asked.</summary>
    public MicroBatch WithoutLabels() => new(Tokens, Array.ConvertAll(Labels, _ => Evo.Torch.Ops.IgnoredLabel), Positions, Boundaries) { Type = Type };

    private static long[] Wide(int[] values) => Array.ConvertAll(values, value => (long)value);
}
