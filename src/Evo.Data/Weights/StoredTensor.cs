namespace Evo.Data;

/// <summary>A named tensor in some file of weights, read in pieces: whoever copies it needs memory for one piece.</summary>
public abstract class StoredTensor(string file, string name, SafeTensorType type, IReadOnlyList<long> shape)
{
    /// <summary>The file that holds it.</summary>
    public string File => file;

    /// <summary>Its name there.</summary>
    public string Name => name;

    /// <summary>Element type.</summary>
    public SafeTensorType Type => type;

    /// <summary>Sizes, outermost first.</summary>
    public IReadOnlyList<long> Shape => shape;

    /// <summary>Bytes of it.</summary>
    public long ByteCount { get; } = type.ByteCount(shape) ?? 0;

    /// <summary>Copies part of its bytes, row by row without gaps; offset and length are whole numbers of elements.</summary>
    public abstract void Read(long offset, Span<byte> into);

    /// <summary>Whether the other one has the same type, shape and bytes.</summary>
    public bool Same(StoredTensor other)
    {
        if (Type != other.Type || !Shape.SequenceEqual(other.Shape)) return false;
        const int piece = 1 << 20;
        var (mine, its) = (new byte[Math.Min(piece, ByteCount)], new byte[Math.Min(piece, ByteCount)]);
        for (var at = 0L; at < ByteCount; at += piece)
        {
            var count = (int)Math.Min(piece, ByteCount - at);
            Read(at, mine.AsSpan(0, count));
            other.Read(at, its.AsSpan(0, count));
            if (!mine.AsSpan(0, count).SequenceEqual(its.AsSpan(0, count))) return false;
        }
        return true;
    }

    /// <summary>The tensor in a person's words.</summary>
    public override string ToString() => $"{Name}: {Type} [{string.Join(", ", Shape)}]";
}

/// <summary>Named tensors, wherever they lie.</summary>
public interface IStoredTensors
{
    /// <summary>Every name, in ordinal order.</summary>
    IReadOnlyList<string> Names { get; }

    /// <summary>The tensor of that name, or null.</summary>
    StoredTensor? Find(string name);
}
