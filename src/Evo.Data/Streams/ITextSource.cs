namespace Evo.Data;

/// <summary>A document of a source, and where the next one begins.</summary>
/// <param name="Utf8">Its text.</param>
/// <param name="Next">A place in the same file.</param>
public readonly record struct SourceText(ReadOnlyMemory<byte> Utf8, DocumentPlace Next);

/// <summary>
/// Texts in files, of which any file is read from any place on: what streaming is made of. The same place gives the same
/// texts; the default one is the file's begin.
/// </summary>
public interface ITextSource
{
    /// <summary>What the whole is called in messages.</summary>
    string Path { get; }

    /// <summary>The files in the order in which they are read, each with what tells it from another.</summary>
    IReadOnlyList<FileFingerprint> Files { get; }

    /// <summary>The documents of a file from a place on, none of them empty. Throws <see cref="DataException"/> where they are damaged.</summary>
    IEnumerable<SourceText> Read(int file, DocumentPlace from);
}
