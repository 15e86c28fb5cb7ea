namespace Evo.Data.Parquet;

/// <summary>An element of the schema, in depth-first order; a group has children.</summary>
internal sealed record ParquetElement(string Name, int? Type, int Repetition, int Children, int? ConvertedType);

/// <summary>Where the values of a column lie in a row group.</summary>
internal sealed record ParquetChunk(
    string Path, bool Elsewhere, int Codec, long Values, long CompressedBytes, long DataOffset, long DictionaryOffset);

/// <summary>Rows that were written together, column by column.</summary>
internal sealed record ParquetRowGroup(long Rows, IReadOnlyList<ParquetChunk> Chunks);

/// <summary>What stands at the end of a Parquet file, as far as one column of text needs it.</summary>
/// <remarks>Source: the Parquet format (apache/parquet-format, src/main/thrift/parquet.thrift); field numbers are its own.</remarks>
internal sealed record ParquetFooter(IReadOnlyList<ParquetElement> Schema, IReadOnlyList<ParquetRowGroup> RowGroups)
{
    /// <summary>Reads a footer; throws <see cref="InvalidDataException"/> where it is damaged.</summary>
    public static ParquetFooter Read(ReadOnlyMemory<byte> bytes)
    {
        var file = new ThriftStruct(new ByteCursor(bytes));
        var schema = new List<ParquetElement>();
        var groups = new List<ParquetRowGroup>();
        while (file.Next())
            switch (file.Field)
            {
                case 2:
                    for (var left = file.Elements(); left > 0; left--) schema.Add(Element(file.Element()));
                    break;
                case 4:
                    for (var left = file.Elements(); left > 0; left--) groups.Add(RowGroup(file.Element()));
                    break;
            }
        return schema.Count > 0 ? new ParquetFooter(schema, groups) : throw new InvalidDataException("a footer without a schema");
    }

    private static ParquetElement Element(ThriftStruct at)
    {
        var (name, type, repetition, children, converted) = ("", (int?)null, 0, 0, (int?)null);
        while (at.Next())
            switch (at.Field)
            {
                case 1: type = at.Int32(); break;
                case 3: repetition = at.Int32(); break;
                case 4: name = at.Text(); break;
                case 5: children = at.Int32(); break;
                case 6: converted = at.Int32(); break;
            }
        return new ParquetElement(name, type, repetition, children, converted);
    }

    private static ParquetRowGroup RowGroup(ThriftStruct at)
    {
        var chunks = new List<ParquetChunk>();
        var rows = 0L;
        while (at.Next())
            switch (at.Field)
            {
                case 1:
                    for (var left = at.Elements(); left > 0; left--) chunks.Add(Chunk(at.Element()));
                    break;
                case 3: rows = at.Int64(); break;
            }
        return new ParquetRowGroup(rows, chunks);
    }

    private static ParquetChunk Chunk(ThriftStruct at)
    {
        var chunk = new ParquetChunk("", false, 0, 0, 0, 0, 0);
        while (at.Next())
            switch (at.Field)
            {
                case 1: chunk = chunk with { Elsewhere = at.Text().Length > 0 }; break;
                case 3: chunk = Meta(at.Inner(), chunk); break;
            }
        return chunk;
    }

    private static ParquetChunk Meta(ThriftStruct at, ParquetChunk chunk)
    {
        while (at.Next())
            switch (at.Field)
            {
                case 3:
                    var path = new List<string>();
                    for (var left = at.Elements(ofText: true); left > 0; left--) path.Add(at.TextElement());
                    chunk = chunk with { Path = string.Join('.', path) };
                    break;
                case 4: chunk = chunk with { Codec = at.Int32() }; break;
                case 5: chunk = chunk with { Values = at.Int64() }; break;
                case 7: chunk = chunk with { CompressedBytes = at.Int64() }; break;
                case 9: chunk = chunk with { DataOffset = at.Int64() }; break;
                case 11: chunk = chunk with { DictionaryOffset = at.Int64() }; break;
            }
        return chunk;
    }
}
