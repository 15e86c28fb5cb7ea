using Apache.Arrow;
using Apache.Arrow.Compression;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;
using Evo.Data.Arrow;

namespace Evo.Data;

/// <summary>
/// Documents in a column of an Arrow file: the stream format, which the data-set library of Hugging Face writes, or the file format
/// (Feather 2). Batches are read by Apache.Arrow, one at a time and at any place, after their messages were looked through.
/// </summary>
internal sealed class ArrowDocuments : DocumentFile
{
    private readonly PositionedFile file;
    private readonly IReadOnlyList<ArrowMessage> messages;
    private readonly ArrowMessage[] batches;
    private readonly string column;
    private readonly int blockBytes;

    public ArrowDocuments(string path, string column, int blockBytes) : base(path)
    {
        (this.column, this.blockBytes) = (column, blockBytes);
        file = new PositionedFile(path);
        try
        {
            messages = Guarded(() => ArrowMessage.All(file, Start()), "its messages");
            batches = [.. messages.Where(message => message.Kind == ArrowKind.Batch)];
            Guarded(() => Find(Reader([messages[0]]).Schema), "the schema");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override long Bytes => file.Length;

    /// <inheritdoc/>
    public override IEnumerable<DocumentBlock> Blocks(DocumentPlace from = default)
    {
        for (var index = (int)Math.Min(from.Part, batches.Length); index < batches.Length; index++)
        {
            var (number, message) = (index, batches[index]);
            var rows = new TableBlocks(Path, "record batch", blockBytes, new DocumentPlace(index, index == from.Part ? from.Item : 0));
            var (texts, length) = Guarded(() => Column(message), $"record batch {number}");
            while (rows.Row < length)
            {
                Guarded(() =>
                {
                    while (rows.Row < length && !rows.IsFull) rows.Add(texts((int)rows.Row));
                    return true;
                }, $"record batch {number}");
                var done = message.Start + (long)((double)rows.Row / length * (message.End - message.Start));
                if (rows.Take(done) is { } block) yield return block;
            }
        }
    }

    private delegate ReadOnlySpan<byte> Texts(int row);

    /// <summary>The rows of a batch's column; an absent text is empty.</summary>
    private (Texts Of, int Rows) Column(ArrowMessage message)
    {
        var needed = messages.Where(other => other.Kind != ArrowKind.Batch && other.Start < message.Start).Append(message);
        var batch = Reader(needed).ReadNextRecordBatch() ?? throw new InvalidDataException("no batch where one should be");
        var (at, inner) = Find(batch.Schema);
        var array = batch.Column(at);
        var absent = new List<IArrowArray>();
        foreach (var child in inner)
        {
            absent.Add(array);
            array = ((StructArray)array).Fields[child];
        }
        var texts = Of(array);
        return (absent.Count == 0 ? texts : row => absent.Any(outer => outer.IsNull(row)) ? default : texts(row), batch.Length);
    }

    private static Texts Of(IArrowArray array) => array switch
    {
        BinaryArray texts => row => texts.GetBytes(row),
        LargeBinaryArray texts => row => texts.GetBytes(row),
        BinaryViewArray texts => row => texts.GetBytes(row),
        DictionaryArray coded => Of(coded.Dictionary) is var texts && Index(coded.Indices) is var index
            ? row => coded.IsNull(row) ? default : texts(checked((int)index(row)))
            : throw new InvalidDataException("an empty dictionary"),
        _ => throw new InvalidDataException($"a column of {array.Data.DataType.Name}"),
    };

    private static Func<int, long> Index(IArrowArray indices) => indices switch
    {
        Int8Array of => row => of.GetValue(row) ?? 0,
        UInt8Array of => row => of.GetValue(row) ?? 0,
        Int16Array of => row => of.GetValue(row) ?? 0,
        UInt16Array of => row => of.GetValue(row) ?? 0,
        Int32Array of => row => of.GetValue(row) ?? 0,
        UInt32Array of => row => of.GetValue(row) ?? 0,
        Int64Array of => row => of.GetValue(row) ?? 0,
        _ => throw new InvalidDataException($"a dictionary's index of {indices.Data.DataType.Name}"),
    };

    /// <summary>Where the column is: its number, and the numbers of fields inside of structs.</summary>
    private (int At, IReadOnlyList<int> Inner) Find(Schema schema)
    {
        var texts = new List<string>();
        (int, IReadOnlyList<int>)? found = null;
        for (var at = 0; at < schema.FieldsList.Count; at++) Walk(schema.FieldsList[at], "", at, []);
        return found ?? throw new DataException(Path, $"no column '{column}' among {Named(texts)}", "the column must be one of text", "name the column that holds the text");

        void Walk(Field field, string prefix, int at, int[] inner)
        {
            var path = prefix + field.Name;
            var (type, isStruct) = (field.DataType, field.DataType is StructType);
            var isText = IsText(type);
            if (isText) texts.Add(path);
            if (path == column && !isText)
                throw new DataException(Path, $"column '{path}' is {(type is NestedType ? "a " + type.Name : $"no text but {type.Name}")}",
                    "documents are read from columns of text, one a row", isStruct ? $"name a field of it, as {path}.{Shown.Text(((StructType)type).Fields.FirstOrDefault()?.Name ?? "")}" : "choose another column");
            if (path == column) found ??= (at, inner);
            if (isStruct)
                for (var child = 0; child < ((StructType)type).Fields.Count; child++)
                    Walk(((StructType)type).Fields[child], path + ".", at, [.. inner, child]);
        }
    }

    private static bool IsText(IArrowType type) => type.TypeId is ArrowTypeId.String or ArrowTypeId.LargeString or ArrowTypeId.StringView
        || type is DictionaryType coded && IsText(coded.ValueType);

    private static string Named(List<string> names) => names.Count == 0 ? "none of text" : string.Join(", ", names.Take(8).Select(Shown.Text));

    /// <summary>A reader of some of the messages, as if the file held no others.</summary>
    private ArrowStreamReader Reader(IEnumerable<ArrowMessage> wanted)
    {
        var list = wanted.ToArray();
        var size = list.Sum(message => message.End - message.Start);
        if (size > System.Array.MaxLength) throw new InvalidDataException($"a record batch of {size} bytes, of which 2 GiB can be read at once");
        var bytes = GC.AllocateUninitializedArray<byte>((int)size);
        var at = 0;
        foreach (var message in list)
        {
            var length = (int)(message.End - message.Start);
            file.Read(message.Start, bytes.AsSpan(at, length));
            if (message.Kind != ArrowKind.Schema) message.CheckCompression(bytes.AsSpan(at, length));
            at += length;
        }
        return new ArrowStreamReader(bytes.AsMemory(), new CompressionCodecFactory());
    }

    private long Start()
    {
        var head = file.Bytes(0, (int)Math.Min(8, file.Length)).AsSpan();
        if (head.StartsWith("FEA1"u8)) throw new DataException(Path, "a Feather file of version 1", "Feather 2 and Arrow streams are read", "write it again with a newer library");
        return head.StartsWith("ARROW1"u8) ? 8 : 0;
    }

    // The library has no exception of its own for damage: what it throws depends on where it stumbles.
    private T Guarded<T>(Func<T> read, string place)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is not DataException)
        {
            throw new DataException($"{Path}: {place}", error.Message.ReplaceLineEndings(" "), "it must be as the Arrow format has it", "copy or write the file again", error);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        file.Dispose();
        base.Dispose();
    }
}
