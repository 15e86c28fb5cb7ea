using System.Text.Json;

namespace Evo.Data;

/// <summary>One field of JSON objects, unescaped, or the objects as they stand. For one thread; a result is valid until the next.</summary>
internal sealed class JsonField(string? field)
{
    private byte[] unescaped = [];

    /// <summary>The text that an object holds. The whole object must be valid JSON, whatever stands around the field.</summary>
    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> json, string where)
    {
        if (field is null) return json; // who takes whole objects reads them, and says what is wrong
        var reader = new Utf8JsonReader(json);
        List<string> others = [];
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                throw new DataException(where, "no JSON object", "each line of a .jsonl file, and each element of a .json list, must be one");
            ReadOnlySpan<byte> found = default;
            var isThere = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var wanted = reader.ValueTextEquals(field);
                if (!wanted && !isThere) others.Add(reader.GetString()!);
                reader.Read();
                if (!wanted || isThere)
                {
                    reader.Skip();
                    continue;
                }
                if (reader.TokenType != JsonTokenType.String)
                    throw new DataException(where, $"field '{field}' is no string", "it must hold the text");
                if (unescaped.Length < reader.ValueSpan.Length) unescaped = new byte[reader.ValueSpan.Length * 2];
                found = unescaped.AsSpan(0, reader.CopyString(unescaped));
                isThere = true;
            }
            reader.Read(); // throws where something follows the object
            if (isThere) return found;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new DataException(where, $"not valid JSON: {error.Message}", "it must be one object", null, error);
        }
        throw new DataException(where, $"no field '{field}' among {(others.Count == 0 ? "none" : string.Join(", ", others.Take(8)))}",
            "every object must hold the text in that field", "name the field that holds the text");
    }
}
