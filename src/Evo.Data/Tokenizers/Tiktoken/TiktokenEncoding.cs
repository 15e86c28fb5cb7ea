namespace Evo.Data;

/// <summary>What a tiktoken file does not say: how text is split, and the marks on top of the ranks.</summary>
/// <param name="Name">As tiktoken names it, or the family.</param>
/// <param name="Pattern">The split pattern.</param>
/// <param name="Specials">The marks and their ids, given how many ranks there are.</param>
/// <param name="Begin">The mark of a beginning, if there is one.</param>
/// <param name="End">The mark of an end.</param>
/// <param name="Normalizes">Whether text is brought to the normal form C first.</param>
internal sealed record TiktokenEncoding(
    string Name, string Pattern, Func<int, IEnumerable<(string Text, int Id)>> Specials, string? Begin, string End, bool Normalizes = false)
{
    private const string EndOfText = "<|endoftext|>";

    // tiktoken's o200k_base: words are split where lower case turns to upper case.
    private const string O200k =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly TiktokenEncoding[] All =
    [
        new("gpt2", KnownPattern.Gpt2, _ => [(EndOfText, 50256)], null, EndOfText),
        new("cl100k_base", KnownPattern.Cl100k,
            _ => [(EndOfText, 100257), ("<|fim_prefix|>", 100258), ("<|fim_middle|>", 100259), ("<|fim_suffix|>", 100260), ("<|endofprompt|>", 100276)],
            null, EndOfText),
        new("o200k_base", O200k, _ => [(EndOfText, 199999), ("<|endofprompt|>", 200018)], null, EndOfText),
        new("qwen", KnownPattern.Qwen2,
            ranks => Numbered([EndOfText, "<|im_start|>", "<|im_end|>", .. Enumerable.Range(0, 205).Select(i => $"<|extra_{i}|>")], ranks),
            null, EndOfText, Normalizes: true),
        new("llama3", KnownPattern.Llama3, ranks => Numbered(Llama3(), ranks), "<|begin_of_text|>", "<|end_of_text|>"),
    ];

    /// <summary>Names that an encoding may be asked for by.</summary>
    public static string Names => string.Join(", ", All.Select(encoding => encoding.Name));

    /// <summary>An encoding by its name, or null.</summary>
    public static TiktokenEncoding? Named(string name) =>
        All.FirstOrDefault(encoding => encoding.Name == (name is "r50k_base" or "p50k_base" ? "gpt2" : name));

    /// <summary>
    /// The encoding of a file: by its name as published (<c>cl100k_base.tiktoken</c>, <c>qwen.tiktoken</c>), and
    /// <c>tokenizer.model</c> for Llama 3.
    /// </summary>
    public static TiktokenEncoding? OfFile(string path) =>
        Path.GetFileName(path) == "tokenizer.model" ? Named("llama3") : Named(Path.GetFileNameWithoutExtension(path));

    private static IEnumerable<(string, int)> Numbered(IEnumerable<string> texts, int first) => texts.Select((text, i) => (text, first + i));

    private static IEnumerable<string> Llama3()
    {
        yield return "<|begin_of_text|>";
        yield return "<|end_of_text|>";
        for (var i = 0; i < 4; i++) yield return $"<|reserved_special_token_{i}|>";
        yield return "<|start_header_id|>";
        yield return "<|end_header_id|>";
        yield return "<|reserved_special_token_4|>";
        yield return "<|eot_id|>";
        for (var i = 5; i < 251; i++) yield return $"<|reserved_special_token_{i}|>";
    }
}
