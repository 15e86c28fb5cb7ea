using System.Buffers;
using System.Runtime.InteropServices;

namespace Evo.Data;

/// <summary>Conversations, one a JSON object, between a begin and an end token: the answers are learned, all else is context.</summary>
internal sealed class ConversationEncoder(TokenizeOptions options, Tokenizer tokenizer) : DocumentEncoder
{
    private readonly ChatTemplate template = ChatTemplate.For(options.Template!, tokenizer);
    private readonly int? bos = Mark(options.AddBos, tokenizer.BosId, "begin", options);
    private readonly int? eos = Mark(options.AddEos, tokenizer.EosId, "end", options);

    /// <inheritdoc/>
    public override DocumentOptions Documents { get; } = new() { Field = null, BlockBytes = options.BlockBytes };

    /// <inheritdoc/>
    public override void Encode(ReadOnlySpan<byte> document, IBufferWriter<int> ids, string path, DocumentPlace next)
    {
        var all = template.Encode(Conversation.Read(document.ToArray(), $"{path}:{next.Item}"));
        if (bos is { } begin) all.Insert(0, begin);
        var most = options.MaxTokens > 0 ? options.MaxTokens - (eos is null ? 0 : 1) : int.MaxValue;
        if (all.Count > most) all.RemoveRange(most, all.Count - most);
        if (eos is { } end) all.Add(template.LearnsEnd ? end : -end);
        ids.Write(CollectionsMarshal.AsSpan(all));
    }
}
