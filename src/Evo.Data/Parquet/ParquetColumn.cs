namespace Evo.Data.Parquet;

/// <summary>A column of text in a schema.</summary>
/// <param name="Path">Its name, with the structs that it lies in.</param>
/// <param name="OptionalLevels">How many of them, itself included, may be absent: the definition level of a present value.</param>
internal sealed record ParquetColumn(string Path, int OptionalLevels)
{
    private const int Optional = 1, Repeated = 2, ByteArray = 6;

    // Unannotated, UTF8, ENUM and JSON; the others (decimals, BSON) are bytes that are no text.
    private static bool IsText(ParquetElement leaf) => leaf is { Type: ByteArray, ConvertedType: null or 0 or 4 or 19 };

    /// <summary>Finds a column by its name; what cannot be read as text is refused by that name.</summary>
    public static ParquetColumn Find(string file, IReadOnlyList<ParquetElement> schema, string wanted)
    {
        var texts = new List<string>();
        var at = 1; // 0 is the root
        var found = Walk(schema[0].Children, "", 0, repeated: false, depth: 0);
        return found ?? throw new DataException(file, $"no column '{wanted}' among {Named(texts)}",
            "the column must be one of text", "name the column that holds the text");

        ParquetColumn? Walk(int children, string prefix, int optional, bool repeated, int depth)
        {
            if (depth > 64) throw new InvalidDataException("a schema nested more than 64 deep");
            ParquetColumn? result = null;
            for (var child = 0; child < children; child++)
            {
                if (at >= schema.Count) throw new InvalidDataException("a schema with fewer elements than it says");
                var element = schema[at++];
                var path = prefix + element.Name;
                var levels = optional + (element.Repetition == Optional ? 1 : 0);
                var isRepeated = repeated || element.Repetition == Repeated;
                if (element.Children > 0)
                {
                    if (path == wanted) throw NoText(path, "a list or struct");
                    if (Walk(element.Children, path + ".", levels, isRepeated, depth + 1) is { } inner) result ??= inner;
                    continue;
                }
                if (IsText(element) && !isRepeated) texts.Add(path);
                if (path != wanted) continue;
                if (isRepeated) throw NoText(path, "part of a list");
                if (!IsText(element)) throw NoText(path, "no text");
                result ??= new ParquetColumn(path, levels);
            }
            return result;
        }

        DataException NoText(string path, string what) =>
            new(file, $"column '{path}' is {what}", "documents are read from columns of text, one a row",
                texts.Count == 0 ? "choose another column" : $"choose another column, such as {Named(texts)}");
    }

    private static string Named(List<string> names) => names.Count == 0 ? "none of text" : string.Join(", ", names.Take(8).Select(Shown.Text));
}
