using System.Buffers.Binary;

namespace Evo.Data;

/// <summary>The fields of one protobuf message, one after the other.</summary>
internal ref struct ProtobufFields(string path, ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> message = message;
    private int at;

    /// <summary>Where the field ends.</summary>
    public readonly int At => at;

    public int Number { get; private set; }

    /// <summary>0 varint, 1 eight bytes, 2 bytes with a length, 5 four bytes.</summary>
    public int Wire { get; private set; }

    public ulong Value { get; private set; }

    public ReadOnlySpan<byte> Bytes { get; private set; }

    public bool Next()
    {
        if (at == message.Length) return false;
        var key = Varint();
        Number = (int)(key >> 3);
        Wire = (int)(key & 7);
        switch (Wire)
        {
            case 0: Value = Varint(); break;
            case 1: Value = BinaryPrimitives.ReadUInt64LittleEndian(Take(8)); break;
            case 2: Bytes = Take(Varint()); break;
            case 5: Value = BinaryPrimitives.ReadUInt32LittleEndian(Take(4)); break;
            default: throw Bad($"a field of kind {Wire}");
        }
        return true;
    }

    private ulong Varint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (at == message.Length) throw Bad("the end of the file inside a number");
            var next = message[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw Bad("a number of more than 64 bits");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(message.Length - at)) throw Bad($"{length} bytes announced but {message.Length - at} left");
        var bytes = message.Slice(at, (int)length);
        at += (int)length;
        return bytes;
    }

    private readonly DataException Bad(string found) =>
        new(path, found, "a sentencepiece model is a protobuf message", "check that this is a sentencepiece .model file, and whole");
}
