using System.Buffers.Binary;

namespace Evo.Data.Arrow;

/// <summary>
/// A table of a FlatBuffers message, read with every offset checked. Apache.Arrow reads the same bytes unchecked for meaning: a list
/// that says a billion elements is allocated, a field that is its own child overflows the stack. So messages are looked through first.
/// </summary>
/// <remarks>Source: the FlatBuffers internals page (flatbuffers.dev/internals).</remarks>
internal readonly ref struct FlatTable
{
    private readonly ReadOnlySpan<byte> bytes;
    private readonly int at, vtable, slots;

    private FlatTable(ReadOnlySpan<byte> bytes, long at)
    {
        this.bytes = bytes;
        this.at = Place(bytes, at, 4);
        vtable = Place(bytes, (long)this.at - BinaryPrimitives.ReadInt32LittleEndian(bytes[this.at..]), 4);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(bytes[vtable..]);
        Place(bytes, vtable, size);
        slots = Math.Max(0, (size - 4) / 2);
    }

    /// <summary>The table that the message is.</summary>
    public static FlatTable Root(ReadOnlySpan<byte> bytes) => new(bytes, Offset(bytes, 0));

    /// <summary>Whether a field is there; absent ones have their default.</summary>
    public bool Has(int slot) => Field(slot) is not null;

    /// <summary>A field of one byte.</summary>
    public byte Byte(int slot) => Field(slot) is { } place ? bytes[Place(bytes, place, 1)] : (byte)0;

    /// <summary>A field of two bytes.</summary>
    public short Int16(int slot) => Field(slot) is { } place ? BinaryPrimitives.ReadInt16LittleEndian(bytes[Place(bytes, place, 2)..]) : (short)0;

    /// <summary>A field of eight bytes.</summary>
    public long Int64(int slot) => Field(slot) is { } place ? BinaryPrimitives.ReadInt64LittleEndian(bytes[Place(bytes, place, 8)..]) : 0;

    /// <summary>A field that is a table.</summary>
    public FlatTable Table(int slot) => new(bytes, Target(slot) ?? throw new InvalidDataException($"no table in field {slot}"));

    /// <summary>How many elements of so many bytes a list has; 0 where it is absent. All of them lie inside the message.</summary>
    public int Count(int slot, int elementBytes)
    {
        if (Target(slot) is not { } list) return 0;
        var count = BinaryPrimitives.ReadInt32LittleEndian(bytes[Place(bytes, list, 4)..]);
        if (count < 0) throw new InvalidDataException($"a list of {count} elements");
        Place(bytes, list + 4, (long)count * elementBytes);
        return count;
    }

    /// <summary>An element of a list of tables.</summary>
    public FlatTable Element(int slot, int index)
    {
        var place = Target(slot)!.Value + 4 + 4L * index;
        return new FlatTable(bytes, place + Offset(bytes, place));
    }

    /// <summary>Eight bytes in an element of a list of structs.</summary>
    public long Int64In(int slot, int index, int elementBytes, int within) =>
        BinaryPrimitives.ReadInt64LittleEndian(bytes[Place(bytes, Target(slot)!.Value + 4 + (long)index * elementBytes + within, 8)..]);

    private long? Field(int slot)
    {
        if (slot >= slots) return null;
        int offset = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(vtable + 4 + 2 * slot)..]);
        return offset == 0 ? null : at + offset;
    }

    private long? Target(int slot) => Field(slot) is { } place ? place + Offset(bytes, place) : null;

    private static uint Offset(ReadOnlySpan<byte> bytes, long place) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[Place(bytes, place, 4)..]);

    private static int Place(ReadOnlySpan<byte> bytes, long place, long count) =>
        place >= 0 && place + count <= bytes.Length ? (int)place : throw new InvalidDataException($"byte {place} of metadata of {bytes.Length}");
}
