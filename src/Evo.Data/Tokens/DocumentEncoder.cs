using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Evo.Data;

/// <summary>How a document becomes ids. Safe to use from several threads at once.</summary>
internal abstract class DocumentEncoder
{
    /// <summary>Which part of a file is a document.</summary>
    public abstract DocumentOptions Documents { get; }

    /// <summary>Equal only where equal documents become equal ids: what an interrupted run is compared by.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>Appends a document's ids.</summary>
    /// <param name="document">The document.</param>
    /// <param name="ids">Receives the ids; negative ones are context only.</param>
    /// <param name="path">The file, for errors.</param>
    /// <param name="next">The place after the document, for errors.</param>
    public abstract void Encode(ReadOnlySpan<byte> document, IBufferWriter<int> ids, string path, DocumentPlace next);

    /// <summary>The encoder that options ask for.</summary>
    public static DocumentEncoder For(TokenizeOptions options, Tokenizer tokenizer)
    {
        var fingerprint = Print(options, tokenizer);
        return options.Template is null
            ? new TextEncoder(options, tokenizer) { Fingerprint = fingerprint }
            : new ConversationEncoder(options, tokenizer) { Fingerprint = fingerprint };
    }

    /// <summary>The id of the begin or end token, if it is wanted; throws where the tokenizer has none.</summary>
    protected static int? Mark(bool wanted, int? id, string what, TokenizeOptions options) =>
        !wanted ? null : id ?? throw new DataException(options.Output, $"the tokenizer has no {what} token", "documents are to get one",
            "use another tokenizer, or ask for none");

    // The vocabulary says which tokenizer it is; what the options say is what else decides ids.
    private static string Print(TokenizeOptions options, Tokenizer tokenizer)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
        Add($"1 {options.Field} {options.Unit} {options.Template} {options.MaxTokens} {options.AddBos} {options.AddEos} {tokenizer.BosId} {tokenizer.EosId} {tokenizer.VocabSize}");
        for (var id = 0; id < tokenizer.VocabSize; id++) Add(tokenizer.IdToPiece(id));
        Add(string.Join(',', tokenizer.EncodeToIds("  A text's Words, 12345 of them:\n\tif (x != y) { 今天天气 🦊 } — naïve ")));
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}

/// <summary>Text between a begin and an end token, or without them.</summary>
internal sealed class TextEncoder(TokenizeOptions options, Tokenizer tokenizer) : DocumentEncoder
{
    private readonly int? bos = Mark(options.AddBos, tokenizer.BosId, "begin", options);
    private readonly int? eos = Mark(options.AddEos, tokenizer.EosId, "end", options);

    /// <inheritdoc/>
    public override DocumentOptions Documents { get; } = new() { Field = options.Field, Unit = options.Unit, BlockBytes = options.BlockBytes };

    /// <inheritdoc/>
    public override void Encode(ReadOnlySpan<byte> document, IBufferWriter<int> ids, string path, DocumentPlace next)
    {
        if (bos is { } begin) ids.Write([begin]);
        tokenizer.EncodeUtf8(document, ids);
        if (eos is { } end) ids.Write([end]);
    }
}
