using System.Collections;
using System.Security.Cryptography;

namespace Evo.Data;

/// <summary>
/// All token files under a folder as one list of documents, in InternEvo's order: folders and files sorted by name,
/// the first level of folders naming the type of what lies below (en, cn, code ...). Only the tables of documents are
/// read when it is opened. Safe to read from several threads.
/// </summary>
public sealed class TokenDataset : IDisposable
{
    private readonly List<TokenFile> files = [];
    private readonly List<string> names = [];
    private readonly List<int> types = [];
    private readonly int[] firstDocument; // of each file, with the total at the end

    /// <summary>The folder as it was given.</summary>
    public string Path { get; }

    /// <summary>Names of the types, sorted; a token's type is an index into them. "." names files that lie in no subfolder.</summary>
    public IReadOnlyList<string> Types { get; }

    /// <summary>Documents in all files.</summary>
    public int DocumentCount => firstDocument[^1];

    /// <summary>Tokens in all documents.</summary>
    public long Tokens { get; }

    /// <summary>Tokens of each document.</summary>
    public IReadOnlyList<int> Lengths { get; }

    /// <summary>Which data this is.</summary>
    public DataFingerprint Fingerprint { get; }

    /// <summary>
    /// Opens every token file under a folder, or the one file that the path names. Throws <see cref="DataException"/>
    /// where there is none, a file is damaged, or ids are not of the vocabulary.
    /// </summary>
    /// <param name="path">A folder, or a .bin file.</param>
    /// <param name="vocabSize">When given, every id that is read must be smaller.</param>
    public static TokenDataset Open(string path, int? vocabSize = null) => new(path, vocabSize);

    private TokenDataset(string path, int? vocabSize)
    {
        Path = path;
        try
        {
            var found = Find(path);
            Types = found.Select(file => file.Type).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList().AsReadOnly();
            var typeNumbers = Types.Index().ToDictionary(type => type.Item, type => type.Index, StringComparer.Ordinal);
            foreach (var (name, type) in found)
            {
                files.Add(TokenFile.Open(name.Length == 0 ? path : System.IO.Path.Combine(path, name), vocabSize));
                names.Add(name.Length == 0 ? System.IO.Path.GetFileName(path) : name);
                types.Add(typeNumbers[type]);
            }
            firstDocument = new int[files.Count + 1];
            for (var i = 0; i < files.Count; i++)
            {
                if (files[i].DocumentCount > int.MaxValue - firstDocument[i])
                    throw new DataException(path, "2^31 documents or more", "a data set has fewer", "split it, or join short documents");
                firstDocument[i + 1] = firstDocument[i] + files[i].DocumentCount;
            }
            Lengths = new DocumentLengths(this);
            Tokens = files.Sum(file => Enumerable.Range(0, file.DocumentCount).Sum(document => (long)file.Length(document)));
            Fingerprint = new DataFingerprint(files.Select((file, i) => new FileFingerprint(names[i], file.FileBytes, Hash(file))).ToList());
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The type of a document: an index into <see cref="Types"/>.</summary>
    public int TypeOf(int document) => types[FileOf(document)];

    /// <summary>The file that holds a document, and the document's number in it.</summary>
    public (TokenFile File, int Document) Locate(int document)
    {
        var file = FileOf(document);
        return (files[file], document - firstDocument[file]);
    }

    /// <summary>Ids of a document from a place in it on, with their signs.</summary>
    public void Read(int document, int from, Span<int> ids)
    {
        var (file, inFile) = Locate(document);
        file.Read(inFile, from, ids);
    }

    public void Dispose()
    {
        foreach (var file in files) file.Dispose();
    }

    private int FileOf(int document)
    {
        if ((uint)document >= (uint)DocumentCount)
            throw new ArgumentOutOfRangeException(nameof(document), document, $"{Path}: documents are 0 to {DocumentCount - 1}");
        var found = Array.BinarySearch(firstDocument, document);
        if (found < 0) return ~found - 1;
        while (firstDocument[found + 1] == document) found++; // empty files share their first document with the next
        return found;
    }

    private static string Hash(TokenFile file)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        file.Meta.AppendTo(hash);
        return Convert.ToHexStringLower(hash.GetCurrentHash())[..32];
    }

    // Names relative to the folder, with the type of each, in the order of the walk: a folder's entries sorted together.
    private static List<(string Name, string Type)> Find(string path)
    {
        if (File.Exists(path)) return [("", ".")];
        var found = new List<(string, string)>();
        var visited = new HashSet<string>(StringComparer.Ordinal);
        void Walk(string relative, string type)
        {
            var folder = new DirectoryInfo(System.IO.Path.Combine(path, relative));
            if (!visited.Add(folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.FullName)) return; // a link back to a parent
            foreach (var entry in folder.EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal))
            {
                var name = relative.Length == 0 ? entry.Name : $"{relative}/{entry.Name}";
                if (Directory.Exists(entry.FullName)) Walk(name, relative.Length == 0 ? entry.Name : type);
                else if (entry.Name.EndsWith(".bin", StringComparison.Ordinal)) found.Add((name, type));
            }
        }
        try
        {
            Walk("", ".");
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
        if (found.Count == 0)
            throw new DataException(path, "no .bin file in this folder or below it", "a data set is made of InternEvo's token files",
                "check the path, or make them with: evo tokenize");
        return found;
    }

    private sealed class DocumentLengths(TokenDataset data) : IReadOnlyList<int>
    {
        public int Count => data.DocumentCount;

        public int this[int document]
        {
            get
            {
                var (file, inFile) = data.Locate(document);
                return file.Length(inFile);
            }
        }

        public IEnumerator<int> GetEnumerator() =>
            data.files.SelectMany(file => Enumerable.Range(0, file.DocumentCount).Select(file.Length)).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
