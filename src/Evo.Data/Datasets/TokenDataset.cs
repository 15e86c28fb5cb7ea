using System.Collections;
using System.Security.Cryptography;

namespace Evo.Data;

/// <summary>One source of a mixture: its name, which is the type of its documents, and the file or folder of its token files.</summary>
public sealed record DataSource(string Name, string Path);

/// <summary>Documents that follow each other in a data set.</summary>
/// <param name="First">The first one's number.</param>
/// <param name="Count">How many they are.</param>
public readonly record struct DocumentRange(int First, int Count);

/// <summary>
/// All token files under a folder as one list of documents: the files of a folder, sorted by name, before those of its
/// subfolders, the first level of which names the type of what lies below (en, cn, code ...). Or several sources, one after the
/// other, each a type of its own. Only the tables of documents are read when it is opened. Safe to read from several threads.
/// </summary>
public sealed class TokenDataset : IDisposable
{
    private readonly List<TokenizedFile> files = [];
    private readonly List<string> names = [];
    private readonly List<int> types = [];
    private readonly int[] firstDocument; // of each file, with the total at the end

    /// <summary>The folder as it was given.</summary>
    public string Path { get; }

    /// <summary>Names of the types, in the order of their documents; a type is an index into them. "." names files that lie in no subfolder.</summary>
    public IReadOnlyList<string> Types { get; }

    /// <summary>Documents in all files.</summary>
    public int DocumentCount => firstDocument[^1];

    /// <summary>Tokens in all documents.</summary>
    public long Tokens { get; }

    /// <summary>Tokens of each document.</summary>
    public IReadOnlyList<int> Lengths { get; }

    /// <summary>The documents of each type.</summary>
    public IReadOnlyList<DocumentRange> Sources { get; }

    /// <summary>The documents of each file.</summary>
    public IReadOnlyList<DocumentRange> Files { get; }

    /// <summary>Which data this is.</summary>
    public DataFingerprint Fingerprint { get; }

    /// <summary>
    /// Opens every token file under a folder, or the one file that the path names. Throws <see cref="DataException"/>
    /// where there is none, a file is damaged, or ids are not of the vocabulary.
    /// </summary>
    /// <param name="path">A folder, or a .bin file, whose extension may be left out.</param>
    /// <param name="vocabSize">When given, every id that is read must be smaller.</param>
    public static TokenDataset Open(string path, int? vocabSize = null) => new(path, Find(path).Select(file =>
        new Part(file.Name.Length == 0 ? System.IO.Path.GetFileName(path) : file.Name, file.Type, TokenizedFile.Open(file.Path, vocabSize))));

    /// <summary>Opens several sources; each is a type with the source's name. Throws as the other does.</summary>
    /// <param name="path">What the whole is called in messages.</param>
    /// <param name="sources">At least one, no name twice.</param>
    /// <param name="vocabSize">When given, every id that is read must be smaller.</param>
    public static TokenDataset Open(string path, IReadOnlyList<DataSource> sources, int? vocabSize = null) => new(path, sources.SelectMany(source =>
        Find(source.Path).Select(file =>
            new Part(file.Name.Length == 0 ? source.Name : $"{source.Name}/{file.Name}", source.Name, TokenizedFile.Open(file.Path, vocabSize)))));

    /// <summary>A data set of one file, whose documents have the type ".".</summary>
    /// <param name="name">What it is called in the fingerprint.</param>
    /// <param name="file">The file; owned from now on.</param>
    public static TokenDataset Of(string name, TokenizedFile file) => new(file.Path, [new Part(name, ".", file)]);

    private sealed record Part(string Name, string Type, TokenizedFile File);

    // Files are opened one by one, so that those before a damaged one are closed. Those of a type follow each other.
    private TokenDataset(string path, IEnumerable<Part> parts)
    {
        Path = path;
        try
        {
            List<string> found = [];
            foreach (var (name, type, file) in parts)
            {
                files.Add(file);
                names.Add(name);
                if (found.Count == 0 || found[^1] != type) found.Add(type);
                types.Add(found.Count - 1);
            }
            Types = found.AsReadOnly();
            firstDocument = new int[files.Count + 1];
            for (var i = 0; i < files.Count; i++)
            {
                if (files[i].DocumentCount > int.MaxValue - firstDocument[i])
                    throw new DataException(path, "2^31 documents or more", "a data set has fewer", "split it, or join short documents");
                firstDocument[i + 1] = firstDocument[i] + files[i].DocumentCount;
            }
            Files = [.. files.Select((file, i) => new DocumentRange(firstDocument[i], file.DocumentCount))];
            Sources = [.. found.Select((_, type) => new DocumentRange(firstDocument[types.IndexOf(type)], Files.Where((_, i) => types[i] == type).Sum(file => file.Count)))];
            Lengths = LengthsFrom(_ => 0);
            Tokens = files.Sum(file => Enumerable.Range(0, file.DocumentCount).Sum(document => (long)file.Length(document)));
            Fingerprint = new DataFingerprint(files.Select((file, i) => new FileFingerprint(names[i], file.FileBytes, Hash(file))).ToList());
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Tokens of each document as <see cref="Lengths"/>, but 0 for those that are shorter than is wanted of their file.</summary>
    /// <param name="least">The fewest tokens of a document, given the file's name as in the fingerprint.</param>
    public IReadOnlyList<int> LengthsFrom(Func<string, int> least) => new DocumentLengths(this, [.. names.Select(least)]);

    /// <summary>The type of a document: an index into <see cref="Types"/>.</summary>
    public int TypeOf(int document) => types[FileOf(document)];

    /// <summary>The file that holds a document, and the document's number in it.</summary>
    public (TokenizedFile File, int Document) Locate(int document)
    {
        var file = FileOf(document);
        return (files[file], document - firstDocument[file]);
    }

    /// <summary>Whether id 0 may be learned where a document says it.</summary>
    public bool LearnsZero(int document) => files[FileOf(document)].LearnsZero;

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

    private static string Hash(TokenizedFile file)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        file.AppendTableTo(hash);
        return Convert.ToHexStringLower(hash.GetCurrentHash())[..32];
    }

    // Files with their names relative to the folder, and the type of each, in the order of the walk.
    private static List<(string Path, string Name, string Type)> Find(string path)
    {
        if (File.Exists(path)) return [(path, "", ".")];
        if (!Directory.Exists(path) && File.Exists(path + ".bin")) return [(path + ".bin", "", ".")];
        var found = new List<(string, string, string)>();
        var visited = new HashSet<string>(StringComparer.Ordinal);
        void Walk(string relative, string type)
        {
            var folder = new DirectoryInfo(System.IO.Path.Combine(path, relative));
            if (!visited.Add(folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.FullName)) return; // a link back to a parent
            string Below(FileSystemInfo entry) => relative.Length == 0 ? entry.Name : $"{relative}/{entry.Name}";
            var entries = folder.EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal).ToLookup(entry => Directory.Exists(entry.FullName));
            found.AddRange(entries[false].Where(entry => entry.Name.EndsWith(".bin", StringComparison.Ordinal)).Select(entry => (System.IO.Path.Combine(path, Below(entry)), Below(entry), type)));
            foreach (var entry in entries[true]) Walk(Below(entry), relative.Length == 0 ? entry.Name : type);
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
            throw new DataException(path, "no .bin file in this folder or below it", "a data set is made of InternEvo's token files or Megatron's",
                "check the path, or make them with: evo tokenize");
        return found;
    }

    // The lengths of documents, 0 for those that are shorter than is wanted of their file.
    private sealed class DocumentLengths(TokenDataset data, IReadOnlyList<int> least) : IReadOnlyList<int>
    {
        public int Count => data.DocumentCount;

        public int this[int document]
        {
            get
            {
                var file = data.FileOf(document);
                var length = data.files[file].Length(document - data.firstDocument[file]);
                return length >= least[file] ? length : 0;
            }
        }

        public IEnumerator<int> GetEnumerator() => Enumerable.Range(0, Count).Select(document => this[document]).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
