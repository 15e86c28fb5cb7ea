using System.Text;

namespace Evo.Data.Parquet;

/// <summary>
/// Reads structs in Thrift's compact protocol field by field; unknown fields are skipped. Lists and strings cannot be longer than
/// the bytes left, and nesting is bounded, so that a damaged footer costs no more than its size.
/// </summary>
/// <remarks>Source: the Thrift compact protocol specification (apache/thrift, doc/specs/thrift-compact-protocol.md).</remarks>
internal struct ThriftStruct(ByteCursor cursor, int depth = 0)
{
    private const int MaxDepth = 24;
    private const byte True = 1, False = 2, I8 = 3, I16 = 4, I32 = 5, I64 = 6, Double = 7, Binary = 8, List = 9, Set = 10, Map = 11, Struct = 12;

    private byte type = 0;
    private bool open = false;

    /// <summary>The number of the field that was read last.</summary>
    public int Field { get; private set; } = 0;

    /// <summary>Goes to the next field, past the value of the last one if nobody read it; false at the end of the struct.</summary>
    public bool Next()
    {
        if (open) Skip(type, depth);
        var head = cursor.Byte();
        if (head == 0) return open = false;
        type = (byte)(head & 15);
        Field = head >> 4 is var step and > 0 ? Field + step : Number(cursor.Zigzag());
        return open = true;
    }

    /// <summary>The field's number, within 32 bits.</summary>
    public int Int32() => (int)Math.Clamp(Int64(), int.MinValue, int.MaxValue);

    /// <summary>The field's number.</summary>
    public long Int64()
    {
        Read(type is I16 or I32 or I64, "a number");
        return cursor.Zigzag();
    }

    /// <summary>The field's truth value, which lies in its type.</summary>
    public bool Bool()
    {
        Read(type is True or False, "true or false");
        return type == True;
    }

    /// <summary>The field's text.</summary>
    public string Text()
    {
        Read(type == Binary, "text");
        return Encoding.UTF8.GetString(cursor.Take(cursor.Count(cursor.Left, "bytes")));
    }

    /// <summary>The struct that the field is.</summary>
    public ThriftStruct Inner()
    {
        Read(type == Struct, "a struct");
        return Deeper();
    }

    /// <summary>How many elements the field's list has; they are read by <see cref="Element"/> or <see cref="TextElement"/>.</summary>
    public int Elements(bool ofText = false)
    {
        Read(type == List, "a list");
        var (count, of) = ListHead();
        if (of != (ofText ? Binary : Struct)) throw new InvalidDataException($"a list of type {of} in field {Field}");
        return count;
    }

    /// <summary>The next struct of a list.</summary>
    public ThriftStruct Element() => Deeper();

    /// <summary>The next text of a list.</summary>
    public string TextElement() => Encoding.UTF8.GetString(cursor.Take(cursor.Count(cursor.Left, "bytes")));

    // Thrift's field numbers have 16 bits.
    private static int Number(long field) =>
        field is >= short.MinValue and <= short.MaxValue ? (int)field : throw new InvalidDataException($"a field of number {field}");

    private ThriftStruct Deeper() => depth < MaxDepth ? new ThriftStruct(cursor, depth + 1) : throw TooDeep();

    private static InvalidDataException TooDeep() => new($"structs nested more than {MaxDepth} deep");

    private void Read(bool fits, string wanted)
    {
        if (!open || !fits) throw new InvalidDataException($"type {type} in field {Field} where {wanted} belongs");
        open = false;
    }

    private (int Count, byte Of) ListHead()
    {
        var head = cursor.Byte();
        var count = head >> 4;
        if (count == 15) count = cursor.Count(cursor.Left, "list elements");
        else if (count > cursor.Left) throw new InvalidDataException($"a list of {count} elements in {cursor.Left} bytes");
        return (count, (byte)(head & 15));
    }

    private void Skip(byte what, int level)
    {
        if (level > MaxDepth) throw TooDeep();
        switch (what)
        {
            case True or False: break;
            case I8: cursor.Take(1); break;
            case I16 or I32 or I64: cursor.Varint(); break;
            case Double: cursor.Take(8); break;
            case Binary: cursor.Take(cursor.Count(cursor.Left, "bytes")); break;
            case List or Set:
                var (count, of) = ListHead();
                for (var i = 0; i < count; i++) SkipElement(of, level + 1);
                break;
            case Map:
                var pairs = cursor.Count(cursor.Left, "map entries");
                var types = pairs > 0 ? cursor.Byte() : (byte)0;
                for (var i = 0; i < pairs; i++)
                {
                    SkipElement((byte)(types >> 4), level + 1);
                    SkipElement((byte)(types & 15), level + 1);
                }
                break;
            case Struct:
                if (level >= MaxDepth) throw TooDeep();
                var inner = new ThriftStruct(cursor, level + 1);
                while (inner.Next()) { }
                break;
            default: throw new InvalidDataException($"type {what}, which does not exist");
        }
    }

    // In a list a truth value is a byte of its own.
    private void SkipElement(byte what, int level) => Skip(what is True or False ? I8 : what, level);
}
