using System.Diagnostics;

namespace Evo.Data;

/// <summary>
/// Text into a token file, on all cores; documents stay in their order. A run that is stopped, killed or fails keeps what it has
/// finished, and the same call goes on from there.
/// </summary>
public sealed class Tokenize
{
    private readonly TokenizeOptions options;
    private readonly DocumentEncoder encoder;
    private readonly IProgress<TokenizeProgress>? progress;
    private readonly CancellationToken stop;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly GrowingTokenFile output;
    private readonly TokenizeJournal before;
    private readonly long total;

    // The journal of everything that is written, when it was kept last, and bytes of the inputs that are done.
    private TokenizeJournal journal;
    private TimeSpan kept;
    private long inputBytes;

    /// <summary>
    /// Tokenizes all inputs into one token file, which has its name only when it is complete. Returns the last state
    /// of the progress. Throws <see cref="DataException"/> where an input cannot be read or holds no documents, or
    /// the disk is full.
    /// </summary>
    public static TokenizeProgress Run(
        TokenizeOptions options, Tokenizer tokenizer, IProgress<TokenizeProgress>? progress = null, CancellationToken stop = default)
    {
        var encoder = DocumentEncoder.For(options, tokenizer);
        using var output = new GrowingTokenFile(options.Output);
        return new Tokenize(options, encoder, output, progress, stop).Run();
    }

    private Tokenize(TokenizeOptions options, DocumentEncoder encoder, GrowingTokenFile output, IProgress<TokenizeProgress>? progress, CancellationToken stop)
    {
        (this.options, this.encoder, this.output, this.progress, this.stop) = (options, encoder, output, progress, stop);
        try
        {
            total = options.Inputs.Sum(TextFiles.Size);
            before = TokenizeJournal.Load(GrowingTokenFile.ProgressPath(options.Output), encoder.Fingerprint, options.Inputs);
            if (!output.KeepOnly(before.Done.RecordBytes, before.Done.Documents))
            {
                before = TokenizeJournal.Start(encoder.Fingerprint);
                output.KeepOnly(0, 0);
            }
            journal = before;
        }
        catch
        {
            // What an earlier run has finished is not lost because an input is out of reach for a while.
            if (!File.Exists(GrowingTokenFile.ProgressPath(options.Output))) output.Discard();
            throw;
        }
    }

    private TokenizeProgress Run()
    {
        try
        {
            progress?.Report(State()); // so that whoever watches knows where this run begins
            for (var input = journal.BetweenInputs ? journal.Inputs.Count : journal.Inputs.Count - 1; input < options.Inputs.Count; input++) Read(input);
            if (output.Documents == 0)
                throw new DataException(string.Join(", ", options.Inputs.Take(3)), "no text at all", "there must be at least one document", "check the input files");
            output.Complete();
            inputBytes = total;
            return State();
        }
        catch
        {
            KeepOrDiscard();
            throw;
        }
    }

    /// <summary>Reads an input, from the journal's place if that is in it, and writes blocks in the order in which they were read.</summary>
    private void Read(int input)
    {
        var path = options.Inputs[input];
        inputBytes = options.Inputs.Take(input).Sum(TextFiles.Size);
        if (input >= journal.Inputs.Count)
            journal = journal with { Inputs = [.. journal.Inputs, TokenizeJournal.Now(path, journal.Done)], Place = default, FileBytes = 0, BetweenInputs = false };
        var workers = options.Workers > 0 ? options.Workers : Environment.ProcessorCount;
        var scheduler = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, workers).ConcurrentScheduler;
        var window = new Queue<Task<EncodedBlock>>();
        using var file = DocumentFile.Open(path, encoder.Documents);
        try
        {
            foreach (var block in file.Blocks(journal.Place))
            {
                stop.ThrowIfCancellationRequested();
                // Twice the workers: none of them waits for the one that has the oldest block.
                while (window.Count >= 2 * workers) Write(window.Dequeue());
                window.Enqueue(Task.Factory.StartNew(() => EncodedBlock.Make(block, path, encoder), stop, TaskCreationOptions.DenyChildAttach, scheduler));
            }
            while (window.Count > 0) Write(window.Dequeue());
        }
        finally
        {
            foreach (var task in window) // nobody may use the tokenizer after this method has thrown
                try
                {
                    task.Wait(CancellationToken.None);
                }
                catch (AggregateException)
                {
                }
        }
        inputBytes += file.Bytes;
    }

    private void Write(Task<EncodedBlock> block)
    {
        var encoded = block.GetAwaiter().GetResult();
        encoded.WriteTo(output);
        var done = new TokenizedPart(output.RecordBytes, output.Documents, journal.Done.Tokens + encoded.Tokens, journal.Done.TextBytes + encoded.TextBytes);
        journal = journal with { Place = encoded.Next, FileBytes = encoded.FileBytes, Done = done };
        if (clock.Elapsed - kept >= options.KeepEvery) Keep();
        progress?.Report(State());
    }

    private void Keep()
    {
        output.Keep(journal.ToBytes());
        kept = clock.Elapsed;
    }

    private void KeepOrDiscard()
    {
        var hasKept = kept > TimeSpan.Zero || before.Done.Documents > 0;
        if (!hasKept && clock.Elapsed < options.KeepEvery)
        {
            output.Discard();
            return;
        }
        try
        {
            Keep();
        }
        catch (DataException) when (hasKept)
        {
            // A full disk, most likely, of which the caller hears; what was kept before still counts.
        }
    }

    private TokenizeProgress State() =>
        new(Math.Min(total, inputBytes + journal.FileBytes), total, journal.Done.Documents, journal.Done.Tokens, clock.Elapsed)
        {
            DocumentsBefore = before.Done.Documents,
            TextBytes = journal.Done.TextBytes - before.Done.TextBytes,
        };
}
