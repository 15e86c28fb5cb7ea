using System.Text;
using System.Xml;

namespace Evo.Data;

/// <summary>The prose of a .NET XML documentation file, with its markup rendered as the plain words that a reader sees.</summary>
internal static class DocText
{
    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
    };

    /// <summary>Every text of the file that is long enough, in the order of the file: summaries, remarks, parameters, returns ...</summary>
    public static List<string> Read(string path, int minCharacters)
    {
        var texts = new List<string>();
        try
        {
            using var reader = XmlReader.Create(path, Settings);
            var text = new StringBuilder();
            while (reader.Read())
            {
                if (reader.NodeType != XmlNodeType.Element || !IsProse(reader) || reader.IsEmptyElement) continue;
                text.Clear();
                Append(reader, text);
                var plain = Normalize(text);
                if (plain.Length >= minCharacters) texts.Add(plain);
            }
        }
        catch (XmlException error)
        {
            throw new DataException(path, $"line {error.LineNumber}: {error.Message}", "it must be an XML documentation file",
                "the SDK is damaged: install it again", error);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
        return texts;
    }

    private static bool IsProse(XmlReader reader) =>
        reader.Name is "summary" or "remarks" or "returns" or "param" or "typeparam" or "value" or "exception" or "example";

    // Reads to the end of the element on which the reader stands, and appends what a person would see.
    private static void Append(XmlReader reader, StringBuilder text)
    {
        var depth = reader.Depth;
        while (reader.Read() && !(reader.NodeType == XmlNodeType.EndElement && reader.Depth == depth))
            switch (reader.NodeType)
            {
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace:
                    text.Append(reader.Value);
                    break;
                case XmlNodeType.Element when reader.Name is "see" or "seealso" or "paramref" or "typeparamref" && reader.IsEmptyElement:
                    text.Append(Reference(reader));
                    break;
                case XmlNodeType.Element or XmlNodeType.EndElement when reader.Name is not ("c" or "see" or "seealso" or "b" or "i" or "em" or "strong" or "a"):
                    text.Append(' '); // para, list, item, br ...: words on both sides stay apart
                    break;
            }
    }

    private static string Reference(XmlReader reader)
    {
        if ((reader.GetAttribute("langword") ?? reader.GetAttribute("name")) is { } word) return word;
        if (reader.GetAttribute("cref") is { } cref) return NameOf(cref);
        return reader.GetAttribute("href") ?? "";
    }

    /// <summary>
    /// What a person calls the thing that a cref names: <c>T:System.Collections.Generic.List`1</c> is List,
    /// <c>M:System.String.Split(System.Char)</c> is String.Split, <c>M:System.Uri.#ctor(System.String)</c> is Uri.
    /// </summary>
    internal static string NameOf(string cref)
    {
        var isMember = cref.Length > 2 && cref[1] == ':' && cref[0] is 'M' or 'P' or 'F' or 'E';
        var name = cref.Length > 2 && cref[1] == ':' ? cref[2..] : cref;
        var end = name.AsSpan().IndexOfAny('(', '~');
        if (end >= 0) name = name[..end];
        var parts = name.Split('.').Select(part => part.IndexOf('`') is var arity and >= 0 ? part[..arity] : part).ToArray();
        if (parts.Length >= 2 && parts[^1] is "#ctor" or "#cctor") return parts[^2];
        return isMember && parts.Length >= 2 ? $"{parts[^2]}.{parts[^1]}" : parts[^1];
    }

    private static string Normalize(StringBuilder text)
    {
        var plain = new StringBuilder(text.Length);
        var space = false;
        foreach (var chunk in text.GetChunks())
            foreach (var character in chunk.Span)
                if (char.IsWhiteSpace(character)) space = plain.Length > 0;
                else
                {
                    if (space) plain.Append(' ');
                    space = false;
                    plain.Append(character);
                }
        return plain.ToString();
    }
}
