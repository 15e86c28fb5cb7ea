using System.Buffers.Binary;
using System.Text;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// What a rank says of its call before the data: what must agree, as a hash; the length that may differ; for an exchange of rows,
/// how many go where and are expected; and the call in words, for the message when they do not agree.
/// </summary>
/// <param name="Hash">Of <see cref="GroupCall.Agreement"/>.</param>
/// <param name="Length">Of the dimension in which ranks may differ; 0 where there is none.</param>
/// <param name="Rows">Rows sent to each rank, then those expected from each; zeros otherwise.</param>
/// <param name="Words">The call, cut off where it is long.</param>
internal sealed record C10dHeader(ulong Hash, long Length, long[] Rows, string Words)
{
    private const int Text = 240;

    public static C10dHeader Of(GroupCall call, long length)
    {
        long[] rows = call.Operation == GroupOperation.AllToAllRows
            ? [.. call.Parts!, .. call.ReceivedParts!]
            : new long[2 * call.Size];
        return new(HashOf(call.Agreement()), length, rows, call.ToString());
    }

    /// <summary>Bytes of the header of a rank in a group.</summary>
    public static int Bytes(int size) => 8 + 8 + (16 * size) + 4 + Text;

    public Tensor ToTensor()
    {
        var bytes = new byte[Bytes(Rows.Length / 2)];
        var rest = bytes.AsSpan();
        BinaryPrimitives.WriteUInt64LittleEndian(rest, Hash);
        BinaryPrimitives.WriteInt64LittleEndian(rest[8..], Length);
        rest = rest[16..];
        foreach (var count in Rows)
        {
            BinaryPrimitives.WriteInt64LittleEndian(rest, count);
            rest = rest[8..];
        }

        Encoder words = Encoding.UTF8.GetEncoder();
        words.Convert(Words, rest[4..], true, out _, out var used, out _);
        BinaryPrimitives.WriteInt32LittleEndian(rest, used);
        return TensorBytes.Over(bytes, [bytes.Length], ScalarType.Byte);
    }

    /// <summary>The headers of all ranks, one after the other.</summary>
    public static C10dHeader[] Read(Tensor all, int size)
    {
        var bytes = TensorBytes.Of(all);
        var headers = new C10dHeader[size];
        for (var rank = 0; rank < size; rank++)
        {
            var one = bytes.Slice(rank * Bytes(size), Bytes(size));
            var rows = new long[2 * size];
            for (var i = 0; i < rows.Length; i++)
            {
                rows[i] = BinaryPrimitives.ReadInt64LittleEndian(one[(16 + (8 * i))..]);
            }

            var rest = one[(16 + (16 * size))..];
            headers[rank] = new(
                BinaryPrimitives.ReadUInt64LittleEndian(one),
                BinaryPrimitives.ReadInt64LittleEndian(one[8..]),
                rows,
                Encoding.UTF8.GetString(rest.Slice(4, BinaryPrimitives.ReadInt32LittleEndian(rest))));
        }

        return headers;
    }

    // FNV-1a: the same in every process.
    private static ulong HashOf(string text)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            hash = (hash ^ b) * 1099511628211UL;
        }

        return hash;
    }
}
