// Which elements dropout drops. TorchSharp calls and nothing else, as in Ops.Plain.cs.
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// The elements of a tensor [B, ..., C] that are dropped: those whose word, of their row's and their column's, is below
/// share · 2³² (<see cref="RandomWords"/>). A function of both, so a part of the tensor needs the words of its own rows and columns
/// only, and nothing has to be kept or drawn again for a second pass.
/// </summary>
/// <param name="Share">The probability of each, at least 0 and less than 1.</param>
/// <param name="Rows">[B, ...] int64: the word of each row.</param>
/// <param name="Columns">[B or 1, C] int64: <see cref="RandomWords.Spread"/> of each column's index, where it is not the same in every row of B.</param>
public sealed record DropoutMask(double Share, Tensor Rows, Tensor Columns)
{
    /// <summary>Words below it are dropped.</summary>
    private long Limit => Math.Min((long)Math.Round(Share * 4294967296.0), uint.MaxValue);

    /// <summary>Bool [B, ..., C], true where an element is dropped.</summary>
    public Tensor Dropped()
    {
        using var scope = NewDisposeScope();
        var between = Enumerable.Repeat(1L, (int)Rows.dim() - 1);
        var columns = Columns.view([Columns.shape[0], .. between, Columns.shape[1]]);
        return RandomWords.At(Rows.unsqueeze(-1), columns).lt(Limit).MoveToOuterDisposeScope();
    }

    /// <summary>The mask of some rows over as many columns, those of one of several sequences in a row.</summary>
    internal DropoutMask Narrow(long start, long length) => this with { Rows = Rows.narrow(-1, start, length), Columns = Columns.narrow(-1, start, length) };
}
