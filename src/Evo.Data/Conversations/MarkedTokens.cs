using System.Buffers;
using System.Text;

namespace Evo.Data;

/// <summary>
/// The tokens that mark turns, looked up by their names in a vocabulary, and text in which they cannot occur: a mark that somebody
/// writes is text and never becomes the token.
/// </summary>
internal sealed class MarkedTokens
{
    // Whatever the template, none of these is made from text: a model may know the marks of several.
    private static readonly string[] Known =
    [
        "<eoh>", "<eoa>", "<|im_start|>", "<|im_end|>", "<|action_start|>", "<|action_end|>", "<|interpreter|>", "<|plugin|>",
        .. Enumerable.Range(141, 6).Select(number => $"[UNUSED_TOKEN_{number}]"),
    ];

    private readonly Tokenizer tokenizer;
    private readonly string[] written;
    private readonly Dictionary<string, int> ids = [];

    /// <summary>Finds marks, each under the first of its names that the vocabulary has.</summary>
    /// <param name="tokenizer">The vocabulary.</param>
    /// <param name="template">What needs them, for the error.</param>
    /// <param name="marks">The names of each mark.</param>
    public MarkedTokens(Tokenizer tokenizer, string template, params string[][] marks)
    {
        this.tokenizer = tokenizer;
        var wanted = marks.SelectMany(names => names).Concat(Known).ToHashSet();
        var found = wanted.Where(name => tokenizer.PieceToId(name) is not null).ToDictionary(name => name, name => tokenizer.PieceToId(name)!.Value);
        foreach (var names in marks)
            ids[names[0]] = names.Where(found.ContainsKey).Select(name => (int?)found[name]).FirstOrDefault()
                ?? throw new DataException($"the template {template}", $"a tokenizer without the token {string.Join(" or ", names)}", "a turn is marked by it", "use the tokenizer that belongs to the template, or another template");
        written = [.. found.Keys];
    }

    /// <summary>The id of a mark, by its first name.</summary>
    public int this[string mark] => ids[mark];

    /// <summary>The ids of text that somebody wrote.</summary>
    public IReadOnlyList<int> Encode(string text)
    {
        var encoded = new ArrayBufferWriter<int>();
        for (var from = 0; from < text.Length;)
        {
            // A mark is cut behind its first character, so that neither part is one.
            var cut = written.Select(mark => text.IndexOf(mark, from, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(text.Length - 1).Min() + 1;
            tokenizer.EncodeUtf8(Encoding.UTF8.GetBytes(text[from..cut]), encoded);
            from = cut;
        }
        return encoded.WrittenSpan.ToArray();
    }
}
