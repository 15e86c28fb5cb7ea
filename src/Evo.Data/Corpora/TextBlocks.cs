using System.Text;
using System.Text.Unicode;

namespace Evo.Data;

/// <summary>Whole lines of a text file: a document each, or a JSON object each of which one field is the document.</summary>
internal sealed class TextLines(string path, bool isJson, string? field, ReadOnlyMemory<byte> bytes, DocumentPlace start) : DocumentBlock
{
    /// <inheritdoc/>
    public override void ForEach(UseDocument use)
    {
        var json = isJson ? new JsonField(field) : null;
        var rest = bytes.Span;
        var at = start.Part;
        if (at == 0 && rest.StartsWith(Encoding.UTF8.Preamble))
        {
            at = 3;
            rest = rest[3..];
        }
        for (var number = start.Item + 1; !rest.IsEmpty; number++)
        {
            var end = rest.IndexOf((byte)'\n');
            var text = (end < 0 ? rest : rest[..end]).TrimEnd((byte)'\r');
            at += end < 0 ? rest.Length : end + 1;
            rest = end < 0 ? default : rest[(end + 1)..];
            if (text.Trim(" \t"u8).IsEmpty) continue;
            if (!Utf8.IsValid(text)) throw WholeText.NotUtf8($"{path}:{number}");
            if (json is not null) text = json.Of(text, $"{path}:{number}");
            if (!text.IsEmpty) use(text, new DocumentPlace(at, number));
        }
    }
}

/// <summary>A text file that is one document.</summary>
internal sealed class WholeText(string path, ReadOnlyMemory<byte> bytes) : DocumentBlock
{
    /// <inheritdoc/>
    public override void ForEach(UseDocument use)
    {
        var text = bytes.Span;
        if (text.StartsWith(Encoding.UTF8.Preamble)) text = text[3..];
        if (!Utf8.IsValid(text)) throw NotUtf8(path);
        if (!text.Trim(" \r\n\t"u8).IsEmpty) use(text, Next);
    }

    /// <summary>The refusal of text in another encoding.</summary>
    public static DataException NotUtf8(string where) =>
        new(where, "bytes that are not UTF-8", "text must be UTF-8", "convert it, for example with: iconv -f LATIN1 -t UTF-8");
}
