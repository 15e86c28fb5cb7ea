using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Threading.Channels;

namespace Evo.Data;

/// <summary>
/// Rows in a given order, read ahead by one thread of its own so that a training step need not wait for the disk.
/// At most <c>ahead</c> rows are in memory. One consumer.
/// </summary>
public sealed class RowStream : IDisposable
{
    private readonly Channel<TokenRow> rows;
    private readonly CancellationTokenSource stop = new();
    private readonly Thread thread;
    private ExceptionDispatchInfo? failure;

    /// <summary>How long <see cref="Next"/> has waited in all: the time that reading cost training.</summary>
    public TimeSpan Waited { get; private set; }

    /// <summary>Starts reading.</summary>
    /// <param name="reader">Where rows come from.</param>
    /// <param name="order">Row numbers in order, as a run's data order gives them; may be endless.</param>
    /// <param name="ahead">How many rows are read before they are asked for.</param>
    public RowStream(RowReader reader, IEnumerable<long> order, int ahead = 16)
    {
        rows = Channel.CreateBounded<TokenRow>(new BoundedChannelOptions(ahead) { SingleReader = true, SingleWriter = true });
        thread = new Thread(() => ReadAhead(reader, order)) { IsBackground = true, Name = "evo rows" };
        thread.Start();
    }

    /// <summary>The next row, or null after the last. Throws what reading threw, at the row where it did.</summary>
    public TokenRow? Next()
    {
        if (rows.Reader.TryRead(out var row)) return row;
        var clock = Stopwatch.StartNew();
        var more = rows.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult();
        Waited += clock.Elapsed;
        if (more && rows.Reader.TryRead(out row)) return row;
        failure?.Throw();
        return null;
    }

    /// <summary>Stops reading ahead.</summary>
    public void Dispose()
    {
        stop.Cancel();
        thread.Join();
        stop.Dispose();
    }

    private void ReadAhead(RowReader reader, IEnumerable<long> order)
    {
        try
        {
            foreach (var number in order)
            {
                if (stop.IsCancellationRequested) return;
                var row = reader.Read(number);
                while (!rows.Writer.TryWrite(row))
                    if (!rows.Writer.WaitToWriteAsync(stop.Token).AsTask().GetAwaiter().GetResult()) return;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        catch (Exception error)
        {
            failure = ExceptionDispatchInfo.Capture(error);
        }
        finally
        {
            rows.Writer.Complete();
        }
    }
}
