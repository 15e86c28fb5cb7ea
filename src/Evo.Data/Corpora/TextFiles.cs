using System.Text;

namespace Evo.Data;

/// <summary>Texts of files as strings, for whoever needs no places: a tokenizer's training, a split into train and validation.</summary>
public static class TextFiles
{
    /// <summary>The documents of a file, one after the other, none of them empty.</summary>
    /// <param name="path">A file of any format that <see cref="DocumentFile.Open"/> knows.</param>
    /// <param name="field">The field or column that holds the text.</param>
    /// <param name="unit">What a document of a .txt file is.</param>
    /// <exception cref="DataException">A file cannot be read, or a line of it is not what it should be.</exception>
    public static IEnumerable<string> Documents(string path, string field = "text", TextUnit unit = TextUnit.Line)
    {
        using var file = DocumentFile.Open(path, new DocumentOptions { Field = field, Unit = unit });
        foreach (var (text, _) in file.Documents()) yield return Encoding.UTF8.GetString(text);
    }

    /// <summary>Bytes of a file, which must exist.</summary>
    internal static long Size(string path)
    {
        try
        {
            return new FileInfo(path).Length;
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }
}
