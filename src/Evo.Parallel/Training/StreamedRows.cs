using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>
/// Rows of texts that are tokenized while they are read. Every data-parallel rank goes through the whole line and keeps its own
/// rows, so that batches do not depend on how many ranks there are. Where a step begins is a cursor, which a checkpoint keeps;
/// without one the line is read from its begin.
/// </summary>
internal sealed class StreamedRows : IRowLine
{
    private readonly Lock gate = new();
    private readonly FolderTexts source;
    private readonly Tokenizer tokenizer;
    private readonly StreamOptions options;
    private readonly SortedDictionary<long, StreamCursor> cursors = []; // where rows of late stand, by position
    private readonly int mostCursors;
    private RowStream? stream; // begun when it is known where
    private StreamCursor start;
    private long next;

    /// <param name="data">How texts become rows.</param>
    /// <param name="places">Texts and tokenizer.</param>
    /// <param name="rowsPerStep">Rows of a step, over all ranks.</param>
    /// <exception cref="DataException">There are no texts, or the tokenizer cannot be read.</exception>
    internal StreamedRows(DataConfig data, DataPlaces places, int rowsPerStep)
    {
        mostCursors = 8 * rowsPerStep; // more than is read ahead
        source = new(places.TrainFolder, data.ContentName);
        Fingerprint = new(source.Files);
        options = new()
        {
            SeqLen = data.SeqLen,
            RowTokens = data.RowTokens,
            Packing = data.RowPacking,
            Boundaries = !data.PackSampleIntoOne,
            MinLength = data.MinLength,
            Workers = data.NumWorker,
        };
        tokenizer = TokenizerFiles.Open(places.TokenizerPath!);
    }

    public long Tokens => 0;

    public long Rows => 0;

    public double Padding => 0;

    public IReadOnlyList<string> Types { get; } = ["."];

    public DataFingerprint Fingerprint { get; }

    public TokenRow At(long position)
    {
        lock (gate)
        {
            GoTo(position);
            return Next();
        }
    }

    public StreamCursor? CursorAt(long position)
    {
        lock (gate)
        {
            if (position > next)
            {
                GoTo(position);
            }

            return position == next ? Stream.Cursor : cursors[position];
        }
    }

    public void Begin(long position, StreamCursor cursor)
    {
        lock (gate)
        {
            stream?.Dispose();
            (stream, next, start) = (null, position, cursor);
            cursors.Clear();
        }
    }

    public IEnumerable<TokenRow> Once() => throw new NotSupportedException("texts that are streamed have no end");

    public void Dispose()
    {
        stream?.Dispose();
        tokenizer.Dispose();
    }

    private RowStream Stream => stream ??= new(source, tokenizer, options, start);

    private void GoTo(long wanted)
    {
        if (wanted < next)
        {
            throw new InvalidOperationException($"row {wanted} was read before row {next}");
        }

        while (next < wanted)
        {
            Next();
        }
    }

    private TokenRow Next()
    {
        cursors[next++] = Stream.Cursor;
        if (cursors.Count > mostCursors)
        {
            cursors.Remove(cursors.Keys.First());
        }

        return Stream.Next();
    }
}
