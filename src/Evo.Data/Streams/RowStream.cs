using System.Buffers;
using Evo.Core;

namespace Evo.Data;

/// <summary>
/// Rows of texts that are tokenized while they are read, without end: after the last file comes the first again. Documents are
/// taken in their order, in blocks of about 64 rows, each of which is tokenized on several threads and packed on its own while
/// the block before is read. What comes is a function of the texts, and of where the stream was begun: a cursor of a few numbers.
/// One consumer.
/// </summary>
public sealed class RowStream : IDisposable
{
    private readonly ITextSource source;
    private readonly Tokenizer tokenizer;
    private readonly StreamOptions options;
    private readonly CancellationTokenSource stop = new();
    private readonly int blockBytes;
    private TokenBlock? block;
    private Task<TokenBlock> ahead;
    private int row;

    /// <summary>Begins a stream.</summary>
    /// <param name="source">The texts.</param>
    /// <param name="tokenizer">Used from several threads until the stream is disposed; documents get its begin and end tokens, where it has them.</param>
    /// <param name="options">How texts become rows.</param>
    /// <param name="cursor">Where to begin.</param>
    public RowStream(ITextSource source, Tokenizer tokenizer, StreamOptions options, StreamCursor cursor = default)
    {
        (this.source, this.tokenizer, this.options, Cursor) = (source, tokenizer, options, cursor);
        blockBytes = options.BlockBytes > 0 ? options.BlockBytes : (int)Math.Min(1 << 28, 64L * 4 * options.RowTokens); // about 4 bytes a token
        row = cursor.Row;
        ahead = MakeAhead(cursor with { Row = 0 });
    }

    /// <summary>Where the next row stands: a stream that begins there gives the same rows.</summary>
    public StreamCursor Cursor { get; private set; }

    /// <summary>The next row. Throws <see cref="DataException"/> where a file is damaged, or there are no texts.</summary>
    public TokenRow Next()
    {
        var began = Cursor.Epoch;
        while (block is null || row >= block.Rows.Rows)
        {
            if (block?.Next.Epoch > began + 1)
                throw new DataException(source.Path, "no document of all files was used", "documents must have data.min_length tokens", "make it smaller");
            if (block is not null) row = 0;
            block = ahead.GetAwaiter().GetResult();
            if (row > block.Rows.Rows)
                throw new DataException(source.Path, $"{block.Rows.Rows} rows from document {block.Start.Place} of file {block.Start.File} on", $"row {row} of them is to be read", "the texts are not those that the run began with");
            ahead = MakeAhead(block.Next);
        }
        var next = block.Rows.Read(row++);
        Cursor = row < block.Rows.Rows ? block.Start with { Row = row } : block.Next;
        return next;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        stop.Cancel();
        try
        {
            ahead.Wait(CancellationToken.None); // the tokenizer is not used any more after this
        }
        catch (AggregateException)
        {
        }
        stop.Dispose();
    }

    private Task<TokenBlock> MakeAhead(StreamCursor start) => Task.Run(() => Make(start));

    // What earlier rows have taken of a long document may leave less than a row of it: then the block is made longer.
    private TokenBlock Make(StreamCursor start)
    {
        for (long most = blockBytes; ; most *= 2)
            if (Make(start, most) is { } made) return made;
    }

    private TokenBlock? Make(StreamCursor start, long mostBytes)
    {
        List<ReadOnlyMemory<byte>> texts = [];
        List<StreamCursor> places = [];
        var next = start;
        var bytes = 0L;
        foreach (var (text, place, after) in Texts(start))
        {
            texts.Add(text);
            places.Add(place);
            next = after;
            bytes += text.Length;
            if (bytes >= mostBytes) break;
        }
        var documents = Tokenized(texts);
        documents[0] = documents[0][Math.Min(start.Skip, documents[0].Length)..];

        var set = TokenDataset.Of("block", new TokenBlock.Documents(source.Path, documents));
        var stream = DocumentStream.InOrder(set.Lengths, 0, documents.Length);
        var plan = RowPlans.Of(options.Packing, stream, options.SeqLen, options.RowTokens, options.Boundaries);
        if (options.Packing == "cut" && plan.Tokens < stream.Tokens)
        {
            // What fills no row is the beginning of the next block.
            var (place, first) = stream.PlaceOf(plan.Tokens);
            var skipped = (int)(plan.Tokens - first) + (place == 0 ? start.Skip : 0);
            next = places[place] with { Skip = skipped };
        }
        return plan.Rows == 0 && next == start ? null : new(start, next, new(set, plan));
    }

    private int[][] Tokenized(List<ReadOnlyMemory<byte>> texts)
    {
        var documents = new int[texts.Count][];
        var workers = options.Workers > 0 ? options.Workers : Environment.ProcessorCount;
        Parallel.For(0, texts.Count, new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = stop.Token }, () => new ArrayBufferWriter<int>(1 << 10), (i, _, ids) =>
        {
            ids.ResetWrittenCount();
            if (tokenizer.BosId is { } begin) ids.Write([begin]);
            tokenizer.EncodeUtf8(texts[i].Span, ids);
            if (tokenizer.EosId is { } end) ids.Write([end]);
            documents[i] = ids.WrittenCount >= options.MinLength ? ids.WrittenSpan.ToArray() : [];
            return ids;
        }, _ => { });
        return documents;
    }

    // Documents from a cursor on, each with its own place and the one after it, without end.
    private IEnumerable<(ReadOnlyMemory<byte> Text, StreamCursor Place, StreamCursor Next)> Texts(StreamCursor from)
    {
        var (epoch, file, place) = (from.Epoch, from.File, from.Place);
        var (skip, empty) = (from.Skip, 0);
        while (true)
        {
            if (file >= source.Files.Count) (epoch, file) = (epoch + 1, 0);
            empty++;
            foreach (var (text, next) in source.Read(file, place))
            {
                stop.Token.ThrowIfCancellationRequested();
                empty = 0;
                yield return (text, new(epoch, file, place, skip, 0), new(epoch, file, next, 0, 0));
                (place, skip) = (next, 0);
            }
            if (empty > source.Files.Count)
                throw new DataException(source.Path, $"no text in {source.Files.Count} files", "there must be at least one document", "check data.content_name and the files");
            (file, place, skip) = (file + 1, default, 0);
        }
    }
}
