using System.Text;

namespace Evo.Data;

/// <summary>
/// Encodes by a sentencepiece BPE model without the library, to the same ids. The text is cut between characters that
/// stand beside each other in no piece: no merge can cross such a place, so each fragment has the ids that it has in
/// the whole text. Most fragments are pieces themselves.
/// </summary>
internal sealed class SentencePieceBpe
{
    private const int Ascii = 128, Space = 0x2581, LongestPiece = 1024;
    private readonly int pieces, unk;
    private readonly bool dummyPrefix;
    private readonly int[]? byteIds; // null without byte pieces
    private readonly int[] symbolOfBmp = new int[0x10000]; // of characters; -1 for those in no piece
    private readonly Dictionary<int, int> symbolOfOther = [];
    private readonly bool[] besideAscii = new bool[(Ascii + 1) * (Ascii + 1)]; // the last place is that of the space
    private readonly HashSet<ulong> beside = [];
    private readonly MergeTable merges;
    private readonly ByteStrings whole; // pieces that encoding alone leaves whole
    private readonly PrefixTree userDefined;

    /// <summary>
    /// Why the library must encode by this model; null when it need not. What is left out is rare: tables of
    /// characters, squeezed spaces, pieces of kinds that BPE models do not have.
    /// </summary>
    public static string? Hindrance(SentencePieceModel model) =>
        model.ModelType != 2 ? "it is no BPE model"
        : model.HasCharacterMap ? $"the normalizer {model.Normalizer} replaces characters"
        : model.RemoveExtraWhitespaces ? "it squeezes spaces"
        : model.WhitespaceAsSuffix || !model.EscapeWhitespaces ? "it writes spaces in its own way"
        : !model.IsUtf8 || model.Pieces.Any(piece => float.IsNaN(piece.Score)) ? "a piece is no text"
        : model.Pieces.Any(piece => piece.Text.Length > LongestPiece) ? $"a piece has more than {LongestPiece} characters"
        : model.Pieces.Any(piece => piece.Type == PieceType.Unused) ? "it has unused pieces"
        : model.Pieces.Any(piece => IsReserved(piece.Type) && piece.Text.EnumerateRunes().Count() == 1) ? "a mark is a single character"
        : null;

    public SentencePieceBpe(SentencePieceModel model, int unk)
    {
        this.unk = unk;
        dummyPrefix = model.AddDummyPrefix;
        pieces = model.Pieces.Count;
        byteIds = model.ByteFallback ? ByteIds(model) : null;
        Array.Fill(symbolOfBmp, -1);

        var symbols = new Dictionary<string, int>(pieces);
        var texts = new List<(string Text, int Id)>(pieces);
        for (var id = 0; id < pieces; id++)
        {
            var (text, _, type) = model.Pieces[id];
            if (IsReserved(type) || !symbols.TryAdd(text, id)) continue;
            texts.Add((text, id));
        }
        // Characters may be parts of pieces without being pieces.
        var next = pieces;
        foreach (var (text, _) in texts)
            foreach (var rune in text.EnumerateRunes())
            {
                var character = rune.ToString();
                if (!symbols.TryGetValue(character, out var symbol)) symbols.Add(character, symbol = next++);
                if (rune.IsBmp) symbolOfBmp[rune.Value] = symbol;
                else symbolOfOther[rune.Value] = symbol;
            }

        userDefined = new(texts.Where(piece => model.Pieces[piece.Id].Type == PieceType.UserDefined)
            .Select(piece => (Encoding.UTF8.GetBytes(piece.Text), piece.Id)));
        merges = new(Merges(model, texts, symbols));
        foreach (var (text, _) in texts) Join(text);
        whole = new([.. texts.Where(piece => StaysWhole(piece.Text, piece.Id)).Select(piece => (Encoding.UTF8.GetBytes(piece.Text), piece.Id))]);
    }

    /// <summary>Appends the tokens of a text.</summary>
    public void Encode(ReadOnlySpan<byte> text, TokenBuffer tokens)
    {
        if (text.IsEmpty) return;
        var work = new SentencePieceText(text, dummyPrefix, tokens.WithSpans);
        var normal = work.Bytes;
        var output = new Output(this, tokens, work.Places);
        var merger = new Merger();
        var last = -1; // the character before, -1 at the beginning of a fragment
        for (var at = 0; at < normal.Length;)
        {
            if (userDefined.Longest(normal, at, out var length) is var id and >= 0)
            {
                Flush(normal, merger, ref output);
                output.Add(id, at, at + length);
                at += length;
                merger.Clear(at);
                last = -1;
                continue;
            }
            var rune = (int)normal[at];
            length = 1;
            if (rune >= Ascii)
            {
                Rune.DecodeFromUtf8(normal[at..], out var character, out length);
                rune = character.Value;
            }
            if (last >= 0 && !AreBeside(last, rune))
            {
                Flush(normal, merger, ref output);
                merger.Clear(at);
            }
            merger.Add(rune < 0x10000 ? symbolOfBmp[rune] : symbolOfOther.GetValueOrDefault(rune, -1), at + length);
            last = rune;
            at += length;
        }
        Flush(normal, merger, ref output);
    }

    private void Flush(ReadOnlySpan<byte> text, Merger merger, ref Output output)
    {
        if (merger.Count == 0) return;
        if (merger.Count > 1)
        {
            var (start, end) = (merger.Starts[0], merger.Starts[^1]);
            if (whole.Find(text[start..end]) is var id and >= 0)
            {
                output.Add(id, start, end);
                return;
            }
            merger.Merge(merges);
        }
        var symbols = merger.Symbols;
        var starts = merger.Starts;
        for (var i = 0; i < symbols.Length; i++)
            if ((uint)symbols[i] < (uint)pieces) output.Add(symbols[i], starts[i], starts[i + 1]);
            else output.AddUnknown(text, starts[i], starts[i + 1]);
    }

    private bool AreBeside(int left, int right)
    {
        var (a, b) = (ClassOf(left), ClassOf(right));
        return (a | b) >= 0 ? besideAscii[a * (Ascii + 1) + b] : beside.Contains(Pair(left, right));
    }

    private static int ClassOf(int rune) => rune < Ascii ? rune : rune == Space ? Ascii : -1;

    private static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private void Join(string text)
    {
        var last = -1;
        foreach (var rune in text.EnumerateRunes())
        {
            if (last >= 0)
            {
                var (a, b) = (ClassOf(last), ClassOf(rune.Value));
                if ((a | b) >= 0) besideAscii[a * (Ascii + 1) + b] = true;
                else beside.Add(Pair(last, rune.Value));
            }
            last = rune.Value;
        }
    }

    private bool StaysWhole(string text, int id)
    {
        var merger = new Merger();
        foreach (var rune in text.EnumerateRunes()) merger.Add(rune.IsBmp ? symbolOfBmp[rune.Value] : symbolOfOther[rune.Value], merger.Count + 1);
        merger.Merge(merges);
        return merger.Count == 1 && merger.Symbols[0] == id;
    }

    // Every way to put a piece together from two symbols; the higher its score, the earlier it merges.
    private static List<(int, int, int, int)> Merges(SentencePieceModel model, List<(string Text, int Id)> texts, Dictionary<string, int> symbols)
    {
        var ranks = texts.Select(piece => model.Pieces[piece.Id].Score).Distinct().OrderDescending()
            .Select((score, rank) => (score, rank)).ToDictionary(pair => pair.score, pair => pair.rank);
        var merges = new List<(int, int, int, int)>();
        var lookup = symbols.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var (text, id) in texts)
            for (var at = 1; at < text.Length; at++)
                if (!char.IsLowSurrogate(text[at]) && lookup.TryGetValue(text.AsSpan(0, at), out var left)
                    && lookup.TryGetValue(text.AsSpan(at), out var right))
                    merges.Add((left, right, ranks[model.Pieces[id].Score], id));
        return merges;
    }

    private static int[] ByteIds(SentencePieceModel model)
    {
        var ids = new int[256];
        for (var id = model.Pieces.Count - 1; id >= 0; id--)
            if (model.Pieces[id] is { Type: PieceType.Byte, Text: ['<', '0', 'x', _, _, '>'] text })
                ids[Convert.ToInt32(text[3..5], 16)] = id;
        return ids;
    }

    private static bool IsReserved(PieceType type) => type is PieceType.Control or PieceType.Unknown or PieceType.Byte;

    /// <summary>Tokens, with unknown text in bytes or, a run of it, in one unknown token.</summary>
    private ref struct Output(SentencePieceBpe model, TokenBuffer tokens, ReadOnlySpan<int> places)
    {
        private readonly ReadOnlySpan<int> places = places; // of each normalized byte in the text; empty when nobody asks
        private bool afterUnknown;

        public void Add(int id, int start, int end)
        {
            if (places.IsEmpty) tokens.Add(id, 0, 0);
            else tokens.Add(id, places[start], places[end]);
            afterUnknown = false;
        }

        public void AddUnknown(ReadOnlySpan<byte> text, int start, int end)
        {
            if (model.byteIds is not null)
            {
                for (var i = start; i < end; i++) Add(model.byteIds[text[i]], i, i + 1);
                return;
            }
            if (!afterUnknown) Add(model.unk, start, end);
            else if (!places.IsEmpty) tokens.ExtendLast(places[end]);
            afterUnknown = true;
        }
    }
}
