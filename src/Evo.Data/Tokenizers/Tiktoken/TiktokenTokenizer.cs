using System.Buffers;
using System.Text;

namespace Evo.Data;

/// <summary>
/// A tiktoken file: byte-level BPE whose merges are not written down. Of two neighbours that together are a token, the
/// pair of the lowest rank merges first; a part that is a token is that token at once.
/// </summary>
public sealed class TiktokenTokenizer : Tokenizer
{
    private readonly string path;
    private readonly SplitPattern pattern;
    private readonly TextStep? normalizer;
    private readonly MergeTable merges;
    private readonly ByteStrings tokens;
    private readonly Dictionary<int, byte[]> bytesOf;
    private readonly int[] symbolOfByte = new int[256];
    private readonly AddedTokens specials;

    /// <summary>Opens a file. The encoding (gpt2, cl100k_base, o200k_base, qwen, llama3) is known by the file's name unless given.</summary>
    public static TiktokenTokenizer Load(string path, string? encoding = null)
    {
        try
        {
            return new(path, File.ReadAllBytes(path), encoding);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }

    /// <summary>Reads the bytes of a file; its name is for messages, and says the encoding where none is given.</summary>
    public TiktokenTokenizer(string name, ReadOnlySpan<byte> file, string? encoding = null)
    {
        path = name;
        var found = encoding is null ? TiktokenEncoding.OfFile(name) : TiktokenEncoding.Named(encoding);
        if (found is null)
            throw new DataException(name, encoding is null ? "a tiktoken file of an unknown name" : $"the encoding \"{encoding}\"",
                $"how text is split does not stand in the file: known are {TiktokenEncoding.Names}", "name the file after its encoding, as cl100k_base.tiktoken");
        pattern = KnownPattern.Of(found.Pattern) ?? new RegexPattern(name, found.Pattern);
        normalizer = found.Normalizes ? new NormalFormStep(NormalForm.C) : null;

        var ranks = TiktokenRanks.Read(name, file);
        tokens = new(ranks);
        bytesOf = ranks.ToDictionary(entry => entry.Id, entry => entry.Token);
        for (var value = 0; value < 256; value++) symbolOfByte[value] = tokens.Find([(byte)value]);
        merges = new(Merges(ranks));

        var marks = found.Specials(ranks.Count).ToList();
        foreach (var (text, id) in marks)
            if (bytesOf.ContainsKey(id)) throw new DataException(name, $"the rank {id}", $"in {found.Name} it is the mark {text}", "check that this is the file of that encoding");
        specials = new([.. marks.Select(mark => new AddedToken(mark.Id, mark.Text))], null);
        VocabSize = 1 + Math.Max(bytesOf.Keys.Max(), marks.Max(mark => mark.Id));
        BosId = found.Begin is null ? null : specials.Find(found.Begin);
        EosId = specials.Find(found.End);
    }

    public override int VocabSize { get; }

    public override int? BosId { get; }

    public override int? EosId { get; }

    public override int? PadId => null;

    public override int? UnkId => null;

    public override IReadOnlyCollection<string> SpecialTexts => [.. specials.All.Select(token => token.Content)];

    /// <summary>The piece with that id; bytes that make no character are written U+FFFD.</summary>
    public override string IdToPiece(int id) => Encoding.UTF8.GetString(BytesOf(id));

    public override int? PieceToId(string piece) =>
        specials.Find(piece) ?? (tokens.Find(Encoding.UTF8.GetBytes(piece)) is var id and >= 0 ? id : null);

    /// <summary>Encodes; the begin mark, where the encoding has one, is what is put around a text.</summary>
    protected internal override void Encode(ReadOnlySpan<byte> text, TokenBuffer output, EncodeMode mode)
    {
        if (!System.Text.Unicode.Utf8.IsValid(text))
        {
            ValidUtf8.Encode(text, output, mode, Encode);
            return;
        }
        if (mode.HasFlag(EncodeMode.AddSpecial) && BosId is { } bos) output.Add(bos, 0, 0);
        var merger = new Merger();
        foreach (var (token, start, end) in specials.Cut(text, isNormalized: false, mode.HasFlag(EncodeMode.ParseSpecial)))
        {
            if (token is not null)
            {
                output.Add(token.Id, start, end);
                continue;
            }
            if (normalizer is not null)
            {
                var normal = new AlignedText(text[start..end], start, output.WithSpans);
                normalizer.Apply(normal);
                EncodePlain(normal.Bytes, merger, output, (from, to) => (normal.StartOf(from, to), normal.EndOf(from, to)));
            }
            else
            {
                EncodePlain(text[start..end], merger, output, (from, to) => (start + from, start + to));
            }
        }
    }

    private void EncodePlain(ReadOnlySpan<byte> text, Merger merger, TokenBuffer output, Func<int, int, (int Start, int End)> place)
    {
        for (var at = 0; pattern.Next(text, at, out var from, out var to); at = to)
        {
            merger.Clear(from);
            if (tokens.Find(text[from..to]) is var whole and >= 0)
            {
                merger.Add(whole, to);
            }
            else
            {
                for (var i = from; i < to; i++) merger.Add(symbolOfByte[text[i]], i + 1);
                merger.Merge(merges);
            }
            for (var i = 0; i < merger.Count; i++)
            {
                var (start, end) = place(merger.Starts[i], merger.Starts[i + 1]);
                output.Add(merger.Symbols[i], start, end);
            }
        }
    }

    public override void DecodeUtf8(ReadOnlySpan<int> ids, IBufferWriter<byte> text, bool special = false)
    {
        foreach (var id in ids)
        {
            var bytes = BytesOf(id);
            if (special || specials.Find(id) is null) text.Write(bytes);
        }
    }

    public override void Dispose()
    {
    }

    private byte[] BytesOf(int id) =>
        bytesOf.GetValueOrDefault(id) ?? (specials.Find(id) is { } special ? Encoding.UTF8.GetBytes(special.Content) : null)
        ?? throw new ArgumentOutOfRangeException(
            nameof(id), $"{path}: token id {id}; {(id >= 0 && id < VocabSize ? "the vocabulary has no such token" : $"ids are 0 to {VocabSize - 1}")}");

    // All ways to put a token together from two.
    private List<(int, int, int, int)> Merges(List<(byte[] Token, int Id)> ranks)
    {
        var found = new List<(int, int, int, int)>();
        foreach (var (token, id) in ranks)
            for (var at = 1; at < token.Length; at++)
                if (tokens.Find(token.AsSpan(0, at)) is var left and >= 0 && tokens.Find(token.AsSpan(at)) is var right and >= 0)
                    found.Add((left, right, id, id));
        return found;
    }
}
