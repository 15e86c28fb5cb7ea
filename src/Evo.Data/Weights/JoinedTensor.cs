using System.Buffers;

namespace Evo.Data;

/// <summary>
/// A tensor whose rows or columns lie in several others, read in pieces as if it were one: whoever copies it needs memory for
/// a piece, however many shards it was saved in.
/// </summary>
public sealed class JoinedTensor : StoredTensor
{
    private readonly IReadOnlyList<TensorRows> bands;

    /// <summary>Puts a tensor together.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="shape">Its shape, of one dim or two.</param>
    /// <param name="bands">Its columns from left to right: each band has all its rows. One band is all of it.</param>
    public JoinedTensor(string name, IReadOnlyList<long> shape, IReadOnlyList<TensorRows> bands)
        : base(bands[0].Source.File, name, bands[0].Source.Type, shape)
    {
        this.bands = bands;
        if (bands.Any(band => band.Count != shape[0] || band.Source.Type != Type) || bands.Sum(band => band.RowBytes) * shape[0] != ByteCount)
            throw new ArgumentException($"{this} is no join of {string.Join(" and ", bands.Select(band => $"{band.Count} rows of {band.Source}"))}", nameof(bands));
    }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> into)
    {
        if (offset < 0 || offset > ByteCount - into.Length)
            throw new ArgumentOutOfRangeException(nameof(offset), $"bytes {offset} to {offset + into.Length} of {this} with {ByteCount}");
        if (bands.Count == 1)
        {
            bands[0].Read(offset, into);
            return;
        }
        if (into.IsEmpty) return;
        var rowBytes = ByteCount / Shape[0];
        var (first, skip) = Math.DivRem(offset, rowBytes);
        var rows = (skip + into.Length + rowBytes - 1) / rowBytes;
        var left = 0L;
        foreach (var band in bands)
        {
            ReadBand(band, first, rows, left - skip, rowBytes, into);
            left += band.RowBytes;
        }
    }

    // The band's part of some whole rows, put where it belongs: its first row at `at`, which may lie before the piece.
    private static void ReadBand(TensorRows band, long first, long rows, long at, long rowBytes, Span<byte> into)
    {
        var width = band.RowBytes;
        var read = ArrayPool<byte>.Shared.Rent(checked((int)(rows * width)));
        try
        {
            var bytes = read.AsSpan(0, (int)(rows * width));
            band.Read(first * width, bytes);
            for (var row = 0; row < rows; row++, at += rowBytes)
            {
                var (from, to) = (Math.Max(at, 0), Math.Min(at + width, into.Length));
                if (from < to)
                    bytes.Slice((int)(row * width + from - at), (int)(to - from)).CopyTo(into[(int)from..]);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(read);
        }
    }
}
