using System.Text;

namespace Evo.Data;

/// <summary>A token that is not the model's: found in the text before the model sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="SingleWord">Found only where no word touches it.</param>
/// <param name="LStrip">Takes the spaces before it along.</param>
/// <param name="RStrip">Takes the spaces behind it along.</param>
/// <param name="Normalized">Looked for in the normalized text, itself normalized.</param>
/// <param name="Special">A mark: found only where that is asked for, and shown only so.</param>
internal sealed record AddedToken(int Id, string Content, bool SingleWord = false, bool LStrip = false, bool RStrip = false, bool Normalized = false, bool Special = true)
{
    /// <summary>Reads one of a tokenizer.json, or of a tokenizer_config.json, where its id stands before it.</summary>
    public static AddedToken Read(JsonPlace place, int? id = null)
    {
        var special = place.Flag("special");
        return new(id ?? place["id"].Id, place["content"].Text, place.Flag("single_word"), place.Flag("lstrip"), place.Flag("rstrip"),
            place.Flag("normalized", !special), special);
    }
}

/// <summary>The added tokens of a vocabulary, and a text cut at them.</summary>
internal sealed class AddedTokens
{
    private readonly AddedToken[] tokens;
    private readonly PrefixTree raw, normalized;
    private readonly Dictionary<int, AddedToken> byId = [];
    private readonly Dictionary<string, int> byContent = [];

    /// <summary>Takes the tokens; the normalizer is that of the vocabulary.</summary>
    public AddedTokens(IReadOnlyList<AddedToken> tokens, TextStep? normalizer)
    {
        // Of two with one text the special one is asked first.
        this.tokens = [.. tokens.OrderByDescending(token => token.Special)];
        foreach (var token in this.tokens)
        {
            byId.TryAdd(token.Id, token);
            byContent.TryAdd(token.Content, token.Id);
        }
        raw = new(Entries(false, null));
        normalized = new(Entries(true, normalizer));
    }

    public IEnumerable<AddedToken> All => tokens;

    public AddedToken? Find(int id) => byId.GetValueOrDefault(id);

    public int? Find(string content) => byContent.TryGetValue(content, out var id) ? id : null;

    /// <summary>
    /// Cuts a text at those tokens that are looked for in it as it is, or normalized. Pieces of text between them have
    /// no token. Special ones are text unless they are asked for.
    /// </summary>
    public List<(AddedToken? Token, int Start, int End)> Cut(ReadOnlySpan<byte> text, bool isNormalized, bool special)
    {
        var pieces = new List<(AddedToken?, int, int)>();
        var tree = isNormalized ? normalized : raw;
        var done = 0;
        for (var at = 0; !tree.IsEmpty && tree.Find(text, at, out var start, out var length) is var found and >= 0;)
        {
            var token = tokens[found];
            var end = at = start + length;
            if (token.Special && !special) continue;
            if (token.SingleWord && (EndsWithWord(text[..start]) || BeginsWithWord(text[end..]))) continue;
            while (token.LStrip && start > done && RuneClasses.Before(text, start) is var before && RuneClasses.IsSpace(RuneClasses.At(text, before, out _)))
                start = before;
            while (token.RStrip && end < text.Length && RuneClasses.IsSpace(RuneClasses.At(text, end, out length))) end += length;
            if (start > done) pieces.Add((null, done, start));
            // The token before may have taken this one's text along as its spaces: one that takes spaces before it is gone then.
            if (end > done || !token.LStrip) pieces.Add((token, Math.Max(start, Math.Min(done, end)), end));
            done = end;
        }
        if (done < text.Length) pieces.Add((null, done, text.Length));
        return pieces;
    }

    private IEnumerable<(byte[], int)> Entries(bool isNormalized, TextStep? normalizer)
    {
        for (var i = 0; i < tokens.Length; i++)
        {
            if (tokens[i].Normalized != isNormalized) continue;
            var text = new AlignedText(Encoding.UTF8.GetBytes(tokens[i].Content), 0, aligned: false);
            normalizer?.Apply(text);
            yield return (text.Bytes.ToArray(), i);
        }
    }

    private static bool EndsWithWord(ReadOnlySpan<byte> text) =>
        text.Length > 0 && RuneClasses.IsRustWord(RuneClasses.At(text, RuneClasses.Before(text, text.Length), out _));

    private static bool BeginsWithWord(ReadOnlySpan<byte> text) => text.Length > 0 && RuneClasses.IsRustWord(RuneClasses.At(text, 0, out _));
}
