using System.Security.Cryptography;

namespace Evo.Data;

/// <summary>
/// Documents of token ids, any of which is read without reading those before it. Lengths are known when it is opened; ids are
/// checked when they are read. Safe to read from several threads.
/// </summary>
public abstract class TokenizedFile : IDisposable
{
    /// <summary>The path of the file that holds the ids.</summary>
    public abstract string Path { get; }

    /// <summary>Bytes of that file.</summary>
    public abstract long FileBytes { get; }

    /// <summary>Documents in the file.</summary>
    public abstract int DocumentCount { get; }

    /// <summary>Whether id 0 may be learned: not where the sign of an id says that it is context only, since 0 has none.</summary>
    public abstract bool LearnsZero { get; }

    /// <summary>Tokens of a document.</summary>
    public abstract int Length(int document);

    /// <summary>Ids of a document from a place in it on; a negative one is context only. Throws <see cref="DataException"/> where they are damaged.</summary>
    public abstract void Read(int document, int from, Span<int> ids);

    /// <summary>Adds to a hash what says where each document lies and how long it is.</summary>
    public abstract void AppendTableTo(IncrementalHash hash);

    /// <summary>All ids of a document, with their signs.</summary>
    public int[] Read(int document)
    {
        var ids = new int[Length(document)];
        Read(document, 0, ids);
        return ids;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Lets go of the file.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary>Opens a .bin file by what lies beside it: InternEvo's <c>.bin.meta</c>, or Megatron's <c>.idx</c>.</summary>
    /// <param name="path">The .bin file.</param>
    /// <param name="vocabSize">When given, every id that is read must be smaller.</param>
    public static TokenizedFile Open(string path, int? vocabSize = null) =>
        !File.Exists(path + ".meta") && File.Exists(MegatronFile.IndexOf(path)) ? MegatronFile.Open(path, vocabSize) : TokenFile.Open(path, vocabSize);

    /// <summary>What is wrong with an id that is not of the vocabulary.</summary>
    protected DataException OutsideVocabulary(long id, int document, int size) =>
        new(Path, $"token id {id} in document {document}", $"the vocabulary has {size} tokens, so ids are below {size}",
            "the file was made with another tokenizer: tokenize again, or set the tokenizer and vocab_size that it was made with");

    /// <summary>Throws where a document does not have the tokens that are asked for.</summary>
    protected void RequireInside(int document, int from, int count)
    {
        var length = Length(document);
        if (from < 0 || from > length - count)
            throw new ArgumentOutOfRangeException(nameof(from), $"{Path}: tokens {from} to {from + count} of document {document}, which has {length}");
    }
}
