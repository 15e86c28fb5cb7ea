using System.Text.Json;

namespace Evo.Data;

/// <summary>A value in a JSON file and the way to it, so that what is wrong with it can be said.</summary>
internal readonly record struct JsonPlace(string File, string Path, JsonElement Value)
{
    /// <summary>Reads a file; the document must live as long as its values are asked.</summary>
    public static JsonPlace Open(string path, out JsonDocument document)
    {
        byte[] bytes;
        try
        {
            bytes = System.IO.File.ReadAllBytes(path);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
        return Parse(path, bytes, out document);
    }

    /// <summary>Reads the bytes of a file; the document must live as long as its values are asked.</summary>
    public static JsonPlace Parse(string path, ReadOnlyMemory<byte> bytes, out JsonDocument document)
    {
        try
        {
            document = JsonDocument.Parse(bytes);
            return new(path, "", document.RootElement);
        }
        catch (JsonException error)
        {
            throw new DataException($"{path}:{error.LineNumber + 1}", "what stands here is no JSON", "the file must be JSON in UTF-8", "check that it is whole", error);
        }
    }

    private string Where => Path.Length == 0 ? File : $"{File}: {Path}";

    public bool IsNull => Value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    public bool IsText => Value.ValueKind == JsonValueKind.String;

    public bool IsObject => Value.ValueKind == JsonValueKind.Object;

    public bool IsArray => Value.ValueKind == JsonValueKind.Array;

    /// <summary>A field; null where it is missing or null.</summary>
    public JsonPlace? Find(string name)
    {
        if (!IsObject) throw Bad($"a {Kind}", "an object must stand here");
        return Value.TryGetProperty(name, out var field) && field.ValueKind != JsonValueKind.Null ? Sub(name, field) : null;
    }

    /// <summary>A field that must be there.</summary>
    public JsonPlace this[string name] => Find(name) ?? throw Bad($"no field \"{name}\"", "it must be there");

    /// <summary>The text of this value.</summary>
    public string Text
    {
        get
        {
            if (!IsText) throw Bad($"a {Kind}", "text must stand here");
            try
            {
                return Value.GetString()!;
            }
            catch (InvalidOperationException error) // half a surrogate pair, or bytes that are no UTF-8
            {
                throw Bad("text that is no Unicode", "text must be Unicode", inner: error);
            }
        }
    }

    /// <summary>A whole number that is an id of a token.</summary>
    public int Id => Value.ValueKind == JsonValueKind.Number && Value.TryGetInt32(out var id) && id is >= 0 and < int.MaxValue
        ? id : throw Bad(Value.ValueKind == JsonValueKind.Number ? Value.GetRawText() : $"a {Kind}", "the id of a token is a whole number from 0 on");

    public bool IsTrue => Value.ValueKind is JsonValueKind.True or JsonValueKind.False
        ? Value.ValueKind == JsonValueKind.True : throw Bad($"a {Kind}", "true or false must stand here");

    /// <summary>A field that is true or false.</summary>
    public bool Flag(string name, bool otherwise = false) => Find(name)?.IsTrue ?? otherwise;

    /// <summary>A field that is a count.</summary>
    public int Count(string name) => this[name].Id;

    /// <summary>The elements of an array.</summary>
    public IEnumerable<JsonPlace> Elements
    {
        get
        {
            if (!IsArray) throw Bad($"a {Kind}", "a list must stand here");
            return Each(this);

            static IEnumerable<JsonPlace> Each(JsonPlace list)
            {
                var i = 0;
                foreach (var element in list.Value.EnumerateArray()) yield return new(list.File, $"{list.Path}[{i++}]", element);
            }
        }
    }

    /// <summary>The fields of an object.</summary>
    public IEnumerable<(string Name, JsonPlace Place)> Fields
    {
        get
        {
            if (!IsObject) throw Bad($"a {Kind}", "an object must stand here");
            return Each(this);

            static IEnumerable<(string, JsonPlace)> Each(JsonPlace all)
            {
                foreach (var entry in all.Value.EnumerateObject())
                {
                    string name;
                    try
                    {
                        name = entry.Name;
                    }
                    catch (InvalidOperationException error)
                    {
                        throw all.Bad("a name that is no Unicode", "text must be Unicode", inner: error);
                    }
                    yield return (name, all.Sub(name, entry.Value));
                }
            }
        }
    }

    private string Kind => Value.ValueKind.ToString().ToLowerInvariant();

    private JsonPlace Sub(string name, JsonElement value) => new(File, Path.Length == 0 ? name : $"{Path}.{name}", value);

    /// <summary>The error of this place.</summary>
    public DataException Bad(string found, string rule, string? next = null, Exception? inner = null) => new(Where, found, rule, next, inner);
}
