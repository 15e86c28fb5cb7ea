using System.Buffers;
using System.Text;

namespace Evo.Data;

/// <summary>
/// A sentencepiece or tiktoken vocabulary with the <c>tokenizer_config.json</c> that stands beside it: names of the
/// marks, tokens on top of the vocabulary, a chat template.
/// </summary>
internal sealed class ConfiguredTokenizer : Tokenizer
{
    private readonly Tokenizer inner;
    private readonly TokenizerConfig config;
    private readonly AddedTokens added;
    private readonly bool addBos, addEos;

    public ConfiguredTokenizer(Tokenizer inner, TokenizerConfig config)
    {
        (this.inner, this.config) = (inner, config);
        added = new([.. config.Added.Where(token => token.Content.Length > 0 && inner.PieceToId(token.Content) != token.Id).Select(token => token with { Normalized = false })], null);
        VocabSize = Math.Max(inner.VocabSize, 1 + added.All.Select(token => token.Id).DefaultIfEmpty(-1).Max());
        SpecialTexts = [.. inner.SpecialTexts.Concat(added.All.Where(token => token.Special).Select(token => token.Content)).Distinct()];
        ChatTemplate = config.ReadTemplate();
        // What Hugging Face's classes for sentencepiece models take for granted.
        (addBos, addEos) = (config.AddBos ?? (inner is SentencePieceTokenizer), config.AddEos ?? false);
    }

    public override int VocabSize { get; }

    public override int? BosId => Find(config.Bos) ?? inner.BosId;

    public override int? EosId => Find(config.Eos) ?? inner.EosId;

    public override int? PadId => Find(config.Pad) ?? inner.PadId;

    public override int? UnkId => Find(config.Unk) ?? inner.UnkId;

    public override JinjaTemplate? ChatTemplate { get; }

    public override IReadOnlyCollection<string> SpecialTexts { get; }

    public override string IdToPiece(int id) => added.Find(id)?.Content ?? inner.IdToPiece(id);

    public override int? PieceToId(string piece) => added.Find(piece) ?? inner.PieceToId(piece);

    /// <summary>Encodes; what stands between two added tokens is encoded on its own.</summary>
    protected internal override void Encode(ReadOnlySpan<byte> text, TokenBuffer tokens, EncodeMode mode)
    {
        var marks = mode.HasFlag(EncodeMode.AddSpecial);
        if (marks && addBos && BosId is { } bos) tokens.Add(bos, 0, 0);
        foreach (var (token, start, end) in added.Cut(text, isNormalized: false, mode.HasFlag(EncodeMode.ParseSpecial)))
        {
            var first = tokens.Count;
            if (token is not null) tokens.Add(token.Id, start, end);
            else inner.Encode(text[start..end], tokens, mode & ~EncodeMode.AddSpecial);
            if (token is null) tokens.Shift(first, start);
        }
        if (marks && addEos && EosId is { } eos) tokens.Add(eos, text.Length, text.Length);
    }

    public override void DecodeUtf8(ReadOnlySpan<int> ids, IBufferWriter<byte> text, bool special = false)
    {
        while (!ids.IsEmpty)
        {
            var run = 0;
            while (run < ids.Length && added.Find(ids[run]) is null) run++;
            if (run > 0) inner.DecodeUtf8(ids[..run], text, special);
            if (run == ids.Length) return;
            var token = added.Find(ids[run])!;
            if (special || !token.Special) text.Write(Encoding.UTF8.GetBytes(token.Content));
            ids = ids[(run + 1)..];
        }
    }

    public override void Dispose() => inner.Dispose();

    private int? Find(string? piece) => piece is null ? null : PieceToId(piece);
}
