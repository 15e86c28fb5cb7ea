using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Evo.Data.TensorBoard;

/// <summary>Writes a protobuf message field by field: the handful of shapes that TensorBoard's events have.</summary>
/// <remarks>Source: the protobuf encoding page (protobuf.dev/programming-guides/encoding).</remarks>
internal sealed class ProtobufMessage
{
    private const int Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5;

    private readonly ArrayBufferWriter<byte> bytes = new();

    /// <summary>The message so far.</summary>
    public ReadOnlySpan<byte> Written => bytes.WrittenSpan;

    /// <summary>Adds a whole number.</summary>
    public ProtobufMessage Int64(int field, long value)
    {
        Tag(field, Varint);
        Number((ulong)value);
        return this;
    }

    /// <summary>Adds a number of 64 bits.</summary>
    public ProtobufMessage Double(int field, double value)
    {
        Tag(field, Fixed64);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.GetSpan(8), value);
        bytes.Advance(8);
        return this;
    }

    /// <summary>Adds a number of 32 bits.</summary>
    public ProtobufMessage Float(int field, float value)
    {
        Tag(field, Fixed32);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.GetSpan(4), value);
        bytes.Advance(4);
        return this;
    }

    /// <summary>Adds text.</summary>
    public ProtobufMessage Text(int field, string text) => Raw(field, Encoding.UTF8.GetBytes(text));

    /// <summary>Adds a message.</summary>
    public ProtobufMessage Message(int field, ProtobufMessage message) => Raw(field, message.Written);

    private ProtobufMessage Raw(int field, ReadOnlySpan<byte> content)
    {
        Tag(field, Bytes);
        Number((ulong)content.Length);
        bytes.Write(content);
        return this;
    }

    private void Tag(int field, int shape) => Number((ulong)(field << 3 | shape));

    private void Number(ulong value)
    {
        for (; value >= 0x80; value >>= 7) bytes.Write([(byte)(value | 0x80)]);
        bytes.Write([(byte)value]);
    }
}
