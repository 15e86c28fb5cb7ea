using System.Buffers;
using System.Text;

namespace Evo.Data;

/// <summary>
/// A Hugging Face <c>tokenizer.json</c> with a BPE model. A text is cut at the added tokens, normalized, split, and
/// each part encoded by the model. Components that are not known are refused by name when the file is opened.
/// </summary>
public sealed class HuggingFaceTokenizer : Tokenizer
{
    private readonly string path;
    private readonly TextStep? normalizer, preTokenizer;
    private readonly BpeModel model;
    private readonly AddedTokens added;
    private readonly SpecialTemplate template;
    private readonly TokenDecoder decoder;
    private readonly TokenizerConfig config;

    /// <summary>Opens a file, with the <c>tokenizer_config.json</c> beside it where there is one.</summary>
    public static HuggingFaceTokenizer Load(string path)
    {
        var place = JsonPlace.Open(path, out var document);
        using (document) return new(place, TokenizerConfig.Read(Path.GetDirectoryName(Path.GetFullPath(path))!));
    }

    /// <summary>Reads the bytes of a tokenizer.json and, where there is one, of a tokenizer_config.json; the name is for messages.</summary>
    public static HuggingFaceTokenizer Parse(string name, ReadOnlyMemory<byte> file, ReadOnlyMemory<byte>? configFile = null)
    {
        var config = TokenizerConfig.Empty;
        if (configFile is { } bytes)
        {
            var configPlace = JsonPlace.Parse(name, bytes, out var configDocument);
            using (configDocument) config = TokenizerConfig.Of(configPlace);
        }
        var place = JsonPlace.Parse(name, file, out var document);
        using (document) return new(place, config);
    }

    private HuggingFaceTokenizer(JsonPlace place, TokenizerConfig config)
    {
        path = place.File;
        ChatTemplate = config.ReadTemplate();
        this.config = config;
        normalizer = StepReader.Normalizer(place.Find("normalizer"));
        preTokenizer = StepReader.PreTokenizer(place.Find("pre_tokenizer"), out var byteLevel);
        model = new(place["model"], byteLevel);
        decoder = TokenDecoder.Read(place.Find("decoder"));
        template = SpecialTemplate.Read(place.Find("post_processor"));
        added = new(place.Find("added_tokens") is { } tokens ? [.. tokens.Elements.Select(token => Checked(token, AddedToken.Read(token)))] : [], normalizer);
        VocabSize = 1 + Math.Max(model.Pieces.Keys.DefaultIfEmpty(-1).Max(), added.All.Select(token => token.Id).DefaultIfEmpty(-1).Max());
        if (place.Find("post_processor") is { } processor && template.Before.Concat(template.After).FirstOrDefault(id => id >= VocabSize, -1) is var bad and >= 0)
            throw processor.Bad($"the id {bad}", $"ids are 0 to {VocabSize - 1}");
        if (VocabSize == 0) throw place["model"].Bad("no tokens", "a vocabulary must hold some");
        // The files say it by a template, or else by flags beside it.
        if (place.Find("post_processor") is null)
            template = new(config.AddBos == true && Find(config.Bos) is { } bos ? [bos] : [], config.AddEos == true && Find(config.Eos) is { } eos ? [eos] : []);
    }

    public override int VocabSize { get; }

    public override int? BosId => Find(config.Bos) ?? (template.Before is [var first, ..] ? first : null);

    public override int? EosId => Find(config.Eos) ?? (template.After is [.., var last] ? last : null);

    public override int? PadId => Find(config.Pad);

    public override int? UnkId => model.UnkId ?? Find(config.Unk);

    public override JinjaTemplate? ChatTemplate { get; }

    public override IReadOnlyCollection<string> SpecialTexts => [.. added.All.Where(token => token.Special).Select(token => token.Content)];

    public override string IdToPiece(int id) =>
        added.Find(id)?.Content ?? model.Pieces.GetValueOrDefault(id) ?? throw new ArgumentOutOfRangeException(
            nameof(id), $"{path}: token id {id}; {(id >= 0 && id < VocabSize ? "the vocabulary has no such token" : $"ids are 0 to {VocabSize - 1}")}");

    public override int? PieceToId(string piece) => added.Find(piece) ?? (model.Vocabulary.TryGetValue(piece, out var id) ? id : null);

    protected internal override void Encode(ReadOnlySpan<byte> text, TokenBuffer tokens, EncodeMode mode)
    {
        if (!System.Text.Unicode.Utf8.IsValid(text))
        {
            ValidUtf8.Encode(text, tokens, mode, Encode);
            return;
        }
        var special = mode.HasFlag(EncodeMode.ParseSpecial);
        var marks = mode.HasFlag(EncodeMode.AddSpecial) ? template : SpecialTemplate.None;
        foreach (var id in marks.Before) tokens.Add(id, 0, 0);
        var merger = new Merger();
        foreach (var (token, start, end) in added.Cut(text, isNormalized: false, special))
        {
            if (token is not null) tokens.Add(token.Id, start, end);
            else EncodeText(new AlignedText(text[start..end], start, tokens.WithSpans), merger, tokens, special);
        }
        foreach (var id in marks.After) tokens.Add(id, text.Length, text.Length);
    }

    private void EncodeText(AlignedText text, Merger merger, TokenBuffer tokens, bool special)
    {
        normalizer?.Apply(text);
        foreach (var (token, start, end) in added.Cut(text.Bytes, isNormalized: true, special))
        {
            if (token is not null)
            {
                tokens.Add(token.Id, text.StartOf(start, end), text.EndOf(start, end));
                continue;
            }
            var piece = start == 0 && end == text.Bytes.Length ? text : text.Slice(start, end);
            preTokenizer?.Apply(piece);
            foreach (var (from, to) in piece.Parts) model.Encode(piece, from, to, merger, tokens);
        }
    }

    public override void DecodeUtf8(ReadOnlySpan<int> ids, IBufferWriter<byte> text, bool special = false)
    {
        var pieces = new List<byte[]>(ids.Length);
        foreach (var id in ids)
        {
            var piece = IdToPiece(id);
            if (special || added.Find(id) is not { Special: true }) pieces.Add(Encoding.UTF8.GetBytes(piece));
        }
        foreach (var part in decoder.Apply(pieces)) text.Write(part);
    }

    public override void Dispose()
    {
    }

    private int? Find(string? piece) => piece is null ? null : PieceToId(piece);

    private AddedToken Checked(JsonPlace place, AddedToken token) =>
        token.Content.Length == 0 ? throw place["content"].Bad("an empty text", "a token must have a text")
        : model.Vocabulary.TryGetValue(token.Content, out var id) && id != token.Id ? throw place["id"].Bad($"{token.Id}", $"the model's vocabulary gives \"{token.Content}\" the id {id}")
        : token;
}
