using System.Security.Cryptography;

namespace Evo.Data;

/// <summary>The documents of the files that a path names (<see cref="DocumentFolder"/>), of any format that <see cref="DocumentFile"/> reads.</summary>
public sealed class FolderTexts : ITextSource
{
    private readonly IReadOnlyList<string> paths;
    private readonly DocumentOptions options;

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FileFingerprint> Files { get; }

    /// <summary>Finds the files. Throws <see cref="DataException"/> where there are none.</summary>
    /// <param name="path">A folder, searched with its subfolders, or a file.</param>
    /// <param name="field">The field or column that holds the text.</param>
    public FolderTexts(string path, string field = "text")
    {
        (Path, options) = (path, new DocumentOptions { Field = field });
        paths = DocumentFolder.Files(path);
        Files = [.. paths.Select(file => new FileFingerprint(NameOf(file), TextFiles.Size(file), Sample(file)))];
    }

    /// <inheritdoc/>
    public IEnumerable<SourceText> Read(int file, DocumentPlace from)
    {
        using var documents = DocumentFile.Open(paths[file], options);
        foreach (var (text, next) in documents.Documents(from)) yield return new SourceText(text, next);
    }

    private string NameOf(string file) => file == Path ? System.IO.Path.GetFileName(file) : System.IO.Path.GetRelativePath(Path, file);

    // A hash of 16 pieces of 64 KiB, spread evenly over the file: of all of it where it is small.
    private static string Sample(string path)
    {
        const int pieces = 16, size = 1 << 16;
        using var map = new MappedFile(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        if (map.Length <= pieces * size) hash.AppendData(map.Span(0, (int)map.Length));
        else
            for (var piece = 0L; piece < pieces; piece++) hash.AppendData(map.Span((map.Length - size) / (pieces - 1) * piece, size));
        return Convert.ToHexStringLower(hash.GetCurrentHash())[..32];
    }
}
