using System.Text.Json;
using System.Text.Unicode;

namespace Evo.Data;

/// <summary>
/// The header of a safetensors file: JSON read strictly, then the rules that make every byte of the file belong to
/// exactly one tensor. A reader that forgives any of them can be made to read what the writer did not mean.
/// </summary>
internal static class SafeTensorsHeader
{
    /// <summary>The largest header that the format allows.</summary>
    public const long MaxBytes = 100_000_000;

    /// <summary>Reads and checks a header.</summary>
    /// <param name="path">The file's name, for messages.</param>
    /// <param name="json">The header's bytes, without the eight of its length.</param>
    /// <param name="dataBytes">Bytes of the file after the header.</param>
    /// <returns>The tensors by rising offset, and the metadata.</returns>
    public static (List<SafeTensor> Tensors, Dictionary<string, string> Metadata) Read(
        string path, ReadOnlySpan<byte> json, long dataBytes)
    {
        if (json.IsEmpty || json[0] != (byte)'{')
            throw Bad(path, "the header does not begin with '{'", "it must be a JSON object");
        if (!Utf8.IsValid(json)) throw Bad(path, "the header is not valid UTF-8", "it must be JSON in UTF-8");
        List<SafeTensor> tensors;
        Dictionary<string, string> metadata;
        try
        {
            (tensors, metadata) = Parse(path, json);
        }
        catch (JsonException error)
        {
            throw new DataException(path, $"the header is not valid JSON at byte {8 + error.BytePositionInLine}: {error.Message}",
                "it must be one JSON object", "the file is damaged: copy or download it again", error);
        }
        catch (InvalidOperationException error) // an escaped lone surrogate in a string
        {
            throw new DataException(path, "the header holds a string that is not valid Unicode", "names must be Unicode text",
                "the file is damaged: copy or download it again", error);
        }
        CheckOffsets(path, tensors, dataBytes);
        return (tensors, metadata);
    }

    private static (List<SafeTensor>, Dictionary<string, string>) Parse(string path, ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Disallow });
        var tensors = new List<SafeTensor>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            if (!names.Add(name)) throw Bad(path, $"'{name}' stands twice in the header", "names must be unique");
            reader.Read();
            if (name == "__metadata__") ReadMetadata(path, ref reader, metadata);
            else tensors.Add(ReadTensor(path, name, ref reader));
        }
        while (reader.Read()) { } // only white space may follow; anything else throws
        return (tensors, metadata);
    }

    private static void ReadMetadata(string path, ref Utf8JsonReader reader, Dictionary<string, string> metadata)
    {
        if (reader.TokenType == JsonTokenType.Null) return;
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Bad(path, $"__metadata__ is a {Kind(reader.TokenType)}", "it must map strings to strings");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Bad(path, $"__metadata__ '{key}' is a {Kind(reader.TokenType)}", "it must map strings to strings");
            if (!metadata.TryAdd(key, reader.GetString()!))
                throw Bad(path, $"__metadata__ '{key}' stands twice", "names must be unique");
        }
    }

    private static SafeTensor ReadTensor(string path, string name, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Bad(path, $"tensor '{name}' is a {Kind(reader.TokenType)}", "it must be {dtype, shape, data_offsets}");
        string? dtype = null;
        List<long>? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            switch (key)
            {
                case "dtype" when dtype is null:
                    if (reader.TokenType != JsonTokenType.String)
                        throw Bad(path, $"tensor '{name}': dtype is a {Kind(reader.TokenType)}", "it must be a string");
                    dtype = reader.GetString()!;
                    break;
                case "shape" when shape is null:
                    shape = ReadNumbers(path, name, key, ref reader);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadNumbers(path, name, key, ref reader);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw Bad(path, $"tensor '{name}': '{key}' stands twice", "each key must stand once");
                default: // the format's own reader passes over keys that it does not know
                    reader.Skip();
                    break;
            }
        }
        if (dtype is null || shape is null || offsets is null)
            throw Bad(path, $"tensor '{name}' lacks {(dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets")}",
                "it must be {dtype, shape, data_offsets}");
        if (!TypesByName.TryGetValue(dtype, out var type))
            throw Bad(path, $"tensor '{name}': dtype '{dtype}'", $"it must be one of {string.Join(", ", TypesByName.Keys)}");
        if (offsets.Count != 2 || offsets[0] > offsets[1])
            throw Bad(path, $"tensor '{name}': data_offsets [{string.Join(", ", offsets.Take(3))}]",
                "it must be [begin, end] with begin <= end");
        var bytes = type.ByteCount(shape);
        if (bytes != offsets[1] - offsets[0])
            throw Bad(path,
                $"tensor '{name}': {type} {Shape(shape)} takes {(bytes is { } b ? b.ToString() : "no representable number of")} bytes "
                + $"but data_offsets give it {offsets[1] - offsets[0]}",
                "both must agree");
        return new SafeTensor(name, type, shape.AsReadOnly(), offsets[0], offsets[1] - offsets[0]);
    }

    private static List<long> ReadNumbers(string path, string name, string key, ref Utf8JsonReader reader)
    {
        const string rule = "it must be a list of whole numbers from 0 to 2^63 - 1";
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Bad(path, $"tensor '{name}': {key} is a {Kind(reader.TokenType)}", rule);
        var numbers = new List<long>(4);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
                throw Bad(path, $"tensor '{name}': entry {numbers.Count} of {key} is not such a number", rule);
            numbers.Add(number);
        }
        return numbers;
    }

    private static void CheckOffsets(string path, List<SafeTensor> tensors, long dataBytes)
    {
        // Empty tensors may share their offset with the tensor after them: the shorter one comes first.
        tensors.Sort((a, b) =>
            a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset)
            : a.ByteCount != b.ByteCount ? a.ByteCount.CompareTo(b.ByteCount)
            : string.CompareOrdinal(a.Name, b.Name));
        var end = 0L;
        foreach (var tensor in tensors)
        {
            if (tensor.Offset != end)
                throw Bad(path,
                    tensor.Offset > end
                        ? $"bytes {end} to {tensor.Offset} of the data, before tensor '{tensor.Name}', belong to no tensor"
                        : $"tensor '{tensor.Name}' begins at byte {tensor.Offset} of the data, inside the one before it, which ends at {end}",
                    "tensors must lie one after the other without holes or overlaps");
            end += tensor.ByteCount; // cannot overflow: end and ByteCount make data_offsets' own end
        }
        if (end != dataBytes)
            throw Bad(path,
                end > dataBytes
                    ? $"the tensors need {end} bytes of data but the file holds {dataBytes}: it is cut short"
                    : $"{dataBytes - end} bytes follow the last tensor",
                "the file must end where the last tensor ends");
    }

    private static readonly Dictionary<string, SafeTensorType> TypesByName =
        Enum.GetValues<SafeTensorType>().ToDictionary(type => type.ToString(), StringComparer.Ordinal);

    private static string Shape(List<long> shape) =>
        shape.Count <= 16 ? $"[{string.Join(", ", shape)}]" : $"[{string.Join(", ", shape.Take(16))}, … {shape.Count} sizes]";

    private static string Kind(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "JSON object",
        JsonTokenType.StartArray => "JSON list",
        JsonTokenType.String => "string",
        JsonTokenType.Number => "number",
        JsonTokenType.True or JsonTokenType.False => "boolean",
        JsonTokenType.Null => "null",
        _ => token.ToString(),
    };

    private static DataException Bad(string path, string found, string rule) =>
        new(path, found, rule, "the file is damaged or not a safetensors file: copy or download it again");
}
