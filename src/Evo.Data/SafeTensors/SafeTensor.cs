namespace Evo.Data;

/// <summary>One tensor of a safetensors file: what its header says of it. The bytes are asked from the file.</summary>
/// <param name="Name">Its unique name.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its sizes, outermost first; empty for a scalar.</param>
/// <param name="Offset">Where its bytes begin, counted from the start of the file's data section.</param>
/// <param name="ByteCount">How many bytes it has.</param>
public sealed record SafeTensor(string Name, SafeTensorType Type, IReadOnlyList<long> Shape, long Offset, long ByteCount)
{
    /// <summary>The tensor in a person's words: <c>model.norm.weight: F32 [256]</c>.</summary>
    public override string ToString() => $"{Name}: {Type} [{string.Join(", ", Shape)}]";
}

/// <summary>A tensor that is to be written: name, type and shape, known before its bytes are.</summary>
public sealed record SafeTensorPlan(string Name, SafeTensorType Type, IReadOnlyList<long> Shape)
{
    /// <summary>Bytes of the tensor; throws <see cref="DataException"/> where type and shape do not give a whole number of them.</summary>
    public long ByteCount => Type.ByteCount(Shape) ?? throw new DataException(
        Name, $"type {Type}, shape [{string.Join(", ", Shape)}]", "its size must be a whole number of bytes below 2^63");
}
