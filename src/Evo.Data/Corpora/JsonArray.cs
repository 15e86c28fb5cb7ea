using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Evo.Data;

/// <summary>The elements of the list that a .json file is: how instruction data is often published.</summary>
internal static class JsonArray
{
    /// <summary>Elements in pieces of so many bytes.</summary>
    public static IEnumerable<DocumentBlock> Blocks(string path, ReadOnlyMemory<byte> bytes, string? field, DocumentPlace from, int blockBytes)
    {
        if (bytes.Span.StartsWith(Encoding.UTF8.Preamble)) bytes = bytes[3..];
        if (!Utf8.IsValid(bytes.Span)) throw WholeText.NotUtf8(path);
        var elements = Elements(path, bytes);
        for (var at = (int)Math.Min(from.Item, elements.Count); at < elements.Count;)
        {
            var first = at;
            for (var size = 0; at < elements.Count && size < blockBytes; at++) size += elements[at].Length;
            var end = elements[at - 1].End;
            yield return new ElementBlock(path, bytes, elements.GetRange(first, at - first), first, field)
            {
                Next = new DocumentPlace(end, at),
                FileBytes = end,
            };
        }
    }

    private readonly record struct Element(int Start, int End)
    {
        public int Length => End - Start;
    }

    private static List<Element> Elements(string path, ReadOnlyMemory<byte> json)
    {
        var elements = new List<Element>();
        var reader = new Utf8JsonReader(json.Span);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
                throw new DataException(path, "no list", "a .json file of documents is a list of objects", "give objects one a line the name .jsonl");
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                elements.Add(new Element(start, (int)reader.BytesConsumed));
            }
            reader.Read(); // throws where something follows the list
        }
        catch (JsonException error)
        {
            throw new DataException(path, $"not valid JSON: {error.Message}", "a .json file of documents is a list of objects", null, error);
        }
        return elements;
    }

    private sealed class ElementBlock(string path, ReadOnlyMemory<byte> json, List<Element> elements, int first, string? field) : DocumentBlock
    {
        public override void ForEach(UseDocument use)
        {
            var fields = new JsonField(field);
            for (var i = 0; i < elements.Count; i++)
            {
                var text = fields.Of(json.Span[elements[i].Start..elements[i].End], $"{path}: element {first + i}");
                if (!text.IsEmpty) use(text, new DocumentPlace(elements[i].End, first + i + 1));
            }
        }
    }
}
