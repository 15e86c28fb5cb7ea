using Evo.Data;

namespace Evo.Parallel;

/// <summary>
/// The files of a checkpoint in an object store. They are read in blocks, of which the last few are kept and some ahead are asked for
/// where a file is read from front to end: a request costs about as much for one byte as for a million.
/// </summary>
/// <param name="bucket">The bucket.</param>
/// <param name="at">The checkpoint in it.</param>
internal sealed class ObjectFiles(Bucket bucket, ObjectAddress at) : ICheckpointFiles
{
    private const int BlockBytes = 8 << 20;
    private const int BlocksKept = 12;
    private const int BlocksAhead = 3;

    private readonly Lock guard = new();
    private readonly Dictionary<string, long?> lengths = new(StringComparer.Ordinal);
    private readonly Dictionary<(string File, long Block), Task<byte[]>> blocks = [];
    private readonly Queue<(string File, long Block)> order = new();
    private (string File, long Block) last = ("", 0);

    /// <inheritdoc/>
    public string Place => at.ToString();

    /// <inheritdoc/>
    public long? Length(string file)
    {
        lock (guard)
        {
            if (!lengths.TryGetValue(file, out var length))
            {
                lengths[file] = length = bucket.Length(at.Key(file));
            }

            return length;
        }
    }

    /// <inheritdoc/>
    public void Read(string file, long offset, Span<byte> into)
    {
        var length = Length(file) ?? throw new DataException($"{at}/{file}", "it is not there", "a checkpoint's files must stay as they were written");
        if (offset + into.Length > length)
        {
            throw new DataException($"{at}/{file}", $"it ends at byte {length}", "a checkpoint's files must stay as they were written");
        }

        while (!into.IsEmpty)
        {
            var (block, from) = (offset / BlockBytes, (int)(offset % BlockBytes));
            var bytes = Block(file, block, length).GetAwaiter().GetResult();
            var count = Math.Min(into.Length, bytes.Length - from);
            bytes.AsSpan(from, count).CopyTo(into);
            offset += count;
            into = into[count..];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (guard)
        {
            blocks.Clear();
            order.Clear();
        }
    }

    private Task<byte[]> Block(string file, long block, long length)
    {
        lock (guard)
        {
            var goesOn = last == (file, block - 1);
            last = (file, block);
            var wanted = Asked(file, block, length);
            for (var next = block + 1; goesOn && next <= block + BlocksAhead && next * BlockBytes < length; next++)
            {
                Asked(file, next, length);
            }

            return wanted;
        }
    }

    private Task<byte[]> Asked(string file, long block, long length)
    {
        if (blocks.TryGetValue((file, block), out var known) && !known.IsFaulted)
        {
            return known;
        }

        if (known is null)
        {
            order.Enqueue((file, block));
            if (order.Count > BlocksKept)
            {
                blocks.Remove(order.Dequeue());
            }
        }

        var from = block * BlockBytes;
        return blocks[(file, block)] = Task.Run(() => bucket.Read(at.Key(file), from, (int)Math.Min(BlockBytes, length - from)));
    }
}
