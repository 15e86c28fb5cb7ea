using Evo.Core;

namespace Evo.Data;

/// <summary>
/// Reads the rows that a packing plan describes: which tokens a row holds is the plan's decision (Evo.Core), this reads
/// their bytes. Any row in O(log documents), in any order. Safe to use from several threads.
/// </summary>
public sealed class RowReader
{
    private readonly TokenDataset data;
    private readonly RowPlan packing;

    /// <summary>Rows in one pass over the data.</summary>
    public long Rows => packing.Rows;

    /// <summary>Tokens in a row.</summary>
    public int RowTokens => packing.RowTokens;

    /// <summary>A reader of a data set by a plan that was made from its lengths.</summary>
    public RowReader(TokenDataset data, RowPlan packing) => (this.data, this.packing) = (data, packing);

    /// <summary>Reads a row by number, from 0. Throws <see cref="DataException"/> where a file is damaged.</summary>
    public TokenRow Read(long row)
    {
        var plan = packing.Row(row);
        var (tokens, labels, types) = (new int[RowTokens], new int[RowTokens], new int[RowTokens]);
        var ids = new int[RowTokens + 1];
        var at = 0;
        foreach (var piece in plan.Pieces)
        {
            var length = piece.Length;
            var least = data.LearnsZero(piece.Document) ? 0 : 1;
            data.Read(piece.Document, piece.Offset, ids.AsSpan(0, piece.Continues ? length + 1 : length));
            for (var i = 0; i < length; i++)
            {
                tokens[at + i] = Math.Abs(ids[i]);
                labels[at + i] = i + 1 < length || piece.Continues ? Label(ids[i + 1], least) : TokenRow.Ignored;
            }
            types.AsSpan(at, length).Fill(data.TypeOf(piece.Document));
            at += length;
        }
        labels.AsSpan(at).Fill(TokenRow.Ignored);
        return new TokenRow { Tokens = tokens, Labels = labels, Positions = plan.Positions(), CuSeqlens = plan.CuSeqlens, Types = types };
    }

    // InternEvo's rule: a negative id is context only, and so is id 0, which has no sign. Megatron's files learn 0 too.
    private static int Label(int id, int least) => id >= least ? id : TokenRow.Ignored;
}
