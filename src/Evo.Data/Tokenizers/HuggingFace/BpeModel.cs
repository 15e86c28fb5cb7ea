using System.Text;

namespace Evo.Data;

/// <summary>The BPE model of a tokenizer.json: the tokens of one part of a text.</summary>
internal sealed class BpeModel
{
    private readonly Dictionary<string, int> vocab = [];
    private readonly Dictionary<int, string> pieces = [];
    private readonly bool byteLevel, byteFallback, fuseUnk;
    private readonly int? unk;
    private readonly string prefix, suffix; // of every unit of a part but the first, and of the last one
    private readonly int[] symbolOfByte = new int[256];
    private readonly int[] fallback = new int[256]; // the token of each byte, -1 where there is none
    private readonly MergeTable merges;
    private readonly ByteStrings whole; // parts that are one token at once

    /// <summary>Reads a model; throws <see cref="DataException"/> with the place in the file of what is wrong.</summary>
    public BpeModel(JsonPlace place, bool byteLevel)
    {
        this.byteLevel = byteLevel;
        if (place.Find("type") is { } type && type.Text != "BPE")
            throw type.Bad($"the model \"{type.Text}\"", "only BPE is known", "use the model's sentencepiece file if it has one");
        if (place.Find("dropout") is { } dropout && !(dropout.Value.ValueKind == System.Text.Json.JsonValueKind.Number && dropout.Value.TryGetDouble(out var rate) && rate == 0))
            throw dropout.Bad(dropout.Value.GetRawText(), "merges are never dropped: the same text has the same tokens", "set it to null");
        foreach (var (text, id) in place["vocab"].Fields)
        {
            vocab[text] = id.Id;
            if (!pieces.TryAdd(id.Id, text) && pieces[id.Id] != text)
                throw id.Bad($"the id {id.Id} a second time", "each token has an id of its own");
        }
        prefix = place.Find("continuing_subword_prefix")?.Text ?? "";
        suffix = place.Find("end_of_word_suffix")?.Text ?? "";
        byteFallback = place.Flag("byte_fallback");
        fuseUnk = place.Flag("fuse_unk");
        if (place.Find("unk_token") is { } unknown)
            unk = vocab.TryGetValue(unknown.Text, out var id) ? id : throw unknown.Bad($"\"{unknown.Text}\"", "the unknown token must be in the vocabulary");

        merges = new(Merges(place["merges"]));
        for (var value = 0; value < 256; value++)
        {
            symbolOfByte[value] = vocab.GetValueOrDefault(ByteAlphabet.Character((byte)value).ToString(), -1);
            fallback[value] = vocab.GetValueOrDefault($"<0x{value:X2}>", -1);
        }
        if (byteLevel && byteFallback && symbolOfByte.Contains(-1))
            throw place["byte_fallback"].Bad("true, and a byte-level alphabet that is not complete", "every byte must have a way to its token");
        var ignoreMerges = place.Flag("ignore_merges");
        whole = new([.. vocab.Select(entry => (Text: byteLevel ? ByteAlphabet.Bytes(entry.Key) : Encoding.UTF8.GetBytes(entry.Key), entry.Value))
            .Where(entry => entry.Text is { Length: > 0 } && (ignoreMerges || StaysWhole(entry.Text, entry.Value))).Select(entry => (entry.Text!, entry.Value))]);
    }

    /// <summary>Text to id.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary => vocab;

    /// <summary>Id to text.</summary>
    public IReadOnlyDictionary<int, string> Pieces => pieces;

    public int? UnkId => unk;

    /// <summary>Appends the tokens of one part of a text.</summary>
    public void Encode(AlignedText text, int from, int to, Merger merger, TokenBuffer tokens)
    {
        if (whole.Find(text.Bytes[from..to]) is var id and >= 0)
        {
            tokens.Add(id, text.StartOf(from, to), text.EndOf(from, to));
            return;
        }
        Split(text.Bytes, from, to, merger);
        merger.Merge(merges);
        for (var i = 0; i < merger.Count; i++)
        {
            var (start, end) = (merger.Starts[i], merger.Starts[i + 1]);
            tokens.Add(merger.Symbols[i], text.StartOf(start, end), text.EndOf(start, end));
        }
    }

    // A part as bytes or characters. Where one has no token: its bytes, the unknown token, or nothing.
    private void Split(ReadOnlySpan<byte> text, int from, int to, Merger merger)
    {
        merger.Clear(from);
        var waiting = false; // an unknown token that reaches to here and is not written yet
        for (var at = from; at < to;)
        {
            var length = 1;
            if (!byteLevel) RuneClasses.At(text, at, out length);
            var symbol = byteLevel ? symbolOfByte[text[at]] : vocab.GetValueOrDefault(Unit(text.Slice(at, length), at == from, at + length == to), -1);
            if (symbol >= 0)
            {
                if (waiting) merger.Add(unk!.Value, at);
                waiting = false;
                merger.Add(symbol, at + length);
            }
            else if (byteFallback && HasBytes(text.Slice(at, length)))
            {
                for (var i = 0; i < length; i++) merger.Add(fallback[text[at + i]], at + i + 1);
            }
            else if (unk is not null)
            {
                if (waiting && !fuseUnk) merger.Add(unk.Value, at);
                waiting = true;
            }
            at += length;
        }
        if (waiting) merger.Add(unk!.Value, to);
    }

    private string Unit(ReadOnlySpan<byte> character, bool first, bool last) =>
        (first ? "" : prefix) + Encoding.UTF8.GetString(character) + (last ? suffix : "");

    private bool HasBytes(ReadOnlySpan<byte> character)
    {
        foreach (var value in character)
            if (fallback[value] < 0) return false;
        return true;
    }

    private bool StaysWhole(byte[] text, int id)
    {
        var merger = new Merger();
        Split(text, 0, text.Length, merger);
        if (merger.Count == 0 || merger.Starts[^1] != text.Length) return false;
        merger.Merge(merges);
        return merger.Count == 1 && merger.Symbols[0] == id;
    }

    // Merges are written "a b" or, as tokens with spaces need it, ["a", "b"].
    private List<(int, int, int, int)> Merges(JsonPlace place)
    {
        var found = new List<(int, int, int, int)>();
        foreach (var merge in place.Elements)
        {
            var parts = merge.IsText ? merge.Text.Split(' ') : [.. merge.Elements.Select(part => part.Text)];
            if (parts.Length != 2) throw merge.Bad($"{parts.Length} tokens", "a merge is two");
            found.Add((Token(merge, parts[0]), Token(merge, parts[1]), found.Count, Token(merge, parts[0] + Without(parts[1]))));
        }
        return found;
    }

    private string Without(string part) => prefix.Length > 0 && part.StartsWith(prefix, StringComparison.Ordinal) ? part[prefix.Length..] : part;

    private int Token(JsonPlace merge, string text) =>
        vocab.TryGetValue(text, out var id) ? id : throw merge.Bad($"\"{text}\"", "what is merged, and what it becomes, must be in the vocabulary");
}
