namespace Evo.Data;

/// <summary>Opens a tokenizer from a path, whatever its kind, and names the files that it consists of.</summary>
public static class TokenizerFiles
{
    private const string Json = "tokenizer.json", Model = "tokenizer.model";

    /// <summary>
    /// Opens a tokenizer. A file is a <c>tokenizer.json</c>, a sentencepiece model or a tiktoken file, by what stands in
    /// it. In a folder <c>tokenizer.json</c> is taken before <c>tokenizer.model</c>, and that before the only other
    /// <c>.model</c> or <c>.tiktoken</c> file. The <c>tokenizer_config.json</c> beside the file counts, where there is one.
    /// </summary>
    public static Tokenizer Open(string path)
    {
        var file = Main(path);
        if (file.EndsWith(".json", StringComparison.Ordinal)) return HuggingFaceTokenizer.Load(file);
        var config = TokenizerConfig.Read(FolderOf(file));
        Tokenizer tokenizer = IsTiktoken(file) ? TiktokenTokenizer.Load(file)
            : SentencePieceTokenizer.Load(file, config.Added.Where(token => token.Special).Select(token => token.Id).ToHashSet());
        try
        {
            return ReferenceEquals(config, TokenizerConfig.Empty) ? tokenizer : new ConfiguredTokenizer(tokenizer, config);
        }
        catch
        {
            tokenizer.Dispose();
            throw;
        }
    }

    /// <summary>The files of a tokenizer, the vocabulary first: what is to be kept beside a model.</summary>
    public static IReadOnlyList<string> Of(string path)
    {
        var file = Main(path);
        var beside = new[] { TokenizerConfig.FileName, TokenizerConfig.TemplateFileName }.Select(name => Path.Combine(FolderOf(file), name));
        return [file, .. beside.Where(File.Exists)];
    }

    /// <summary>
    /// The name that a tokenizer's file has beside a model, so that the folder can be opened: the usual names, and a
    /// tiktoken file's own, which says its encoding.
    /// </summary>
    public static string NameBeside(string file) =>
        Path.GetFileName(file) is var name && (name is TokenizerConfig.FileName or TokenizerConfig.TemplateFileName || IsTiktoken(file)) ? name
        : name.EndsWith(".json", StringComparison.Ordinal) ? Json : Model;

    /// <summary>Whether a folder holds a tokenizer that <see cref="Open"/> would take.</summary>
    public static bool AreIn(string folder) => InFolder(folder).Count == 1;

    private static string FolderOf(string file) => Path.GetDirectoryName(Path.GetFullPath(file))!;

    private static string Main(string path)
    {
        if (!Directory.Exists(path))
            return File.Exists(path) ? path : throw new DataException(path, "no such file or folder", "a tokenizer is a .model file, a tokenizer.json, a tiktoken file, or a folder with one",
                "check the spelling of the path");
        return InFolder(path) switch
        {
            [var only] => only,
            [] => throw new DataException(path, "no tokenizer in this folder", $"{Json}, {Model} or one .model or .tiktoken file is looked for", "give the file itself"),
            var several => throw new DataException(path, string.Join(", ", several.Select(Path.GetFileName)), "which of them is the tokenizer is not clear", "give the file itself"),
        };
    }

    private static IReadOnlyList<string> InFolder(string folder)
    {
        foreach (var name in (string[])[Json, Model])
            if (File.Exists(Path.Combine(folder, name))) return [Path.Combine(folder, name)];
        return Directory.Exists(folder)
            ? [.. Directory.GetFiles(folder).Where(file => Path.GetExtension(file) is ".model" or ".tiktoken").Order(StringComparer.Ordinal)] : [];
    }

    private static bool IsTiktoken(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            var head = new byte[4096];
            return TiktokenRanks.Begins(head.AsSpan(0, stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)));
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(file, "read", error);
        }
    }
}
