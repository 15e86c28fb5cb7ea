using System.Diagnostics;
using System.Globalization;
using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>
/// Makes token files and a tokenizer of text that is on the machine, in three steps: text to jsonl, split into training and
/// held-out documents; training text to a sentencepiece model; jsonl to <c>.bin</c> and <c>.meta</c>. Each output appears
/// under its name only when it is whole, and a step whose outputs are there from the same inputs is skipped.
/// </summary>
public static class Preparation
{
    private const string TrainText = "text/train.jsonl", ValidText = "text/valid.jsonl";
    private const string TokenizerPrefix = "tokenizer", TokenizerModel = "tokenizer.model";
    private const string TrainTokens = "train/en/text.bin", ValidTokens = "valid/en/text.bin";

    /// <summary>Prepares what <c>prepare</c> asks for and says where the run's data is: what <c>data</c> names, else what was prepared.</summary>
    /// <param name="config">The run.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="stop">Interrupts; the next call takes up with the interrupted step.</param>
    /// <exception cref="DataException">A source is missing, a file is damaged, or the disk is full.</exception>
    /// <exception cref="OperationCanceledException">It was interrupted.</exception>
    public static DataPlaces Run(RunConfig config, IProgress<PreparationEvent>? progress, CancellationToken stop)
    {
        var given = config.Data;
        if (config.Prepare.Source == "none")
        {
            return new(given.TrainFolder ?? "dummy data", given.ValidFolder, given.TokenizerPath);
        }

        var folder = config.PrepareFolder;
        Prepare(config.Prepare, folder, given.TokenizerPath, progress, stop);
        return new(
            given.TrainFolder ?? Path.Combine(folder, "train"),
            given.ValidFolder ?? (config.Prepare.HeldOut > 0 ? Path.Combine(folder, "valid") : null),
            given.TokenizerPath ?? Path.Combine(folder, TokenizerModel));
    }

    private static void Prepare(
        PrepareConfig prepare, string folder, string? tokenizerPath, IProgress<PreparationEvent>? progress, CancellationToken stop)
    {
        var textInputs = TextInputs(prepare);
        var tokenizerInputs = tokenizerPath is null ? TokenizerInputs(prepare, textInputs) : $"given: {string.Join(' ', TokenizerFiles.Of(tokenizerPath).Select(FileChecksum.Of))}";
        var tokenInputs = $"{textInputs}\n{tokenizerInputs}";
        string[] texts = prepare.HeldOut > 0 ? [TrainText, ValidText] : [TrainText];

        // What the run reads is looked at first: jsonl files that a person removed to save space are not made again.
        var tokenizerReady = tokenizerPath is not null || Stamp.IsCurrent(folder, PreparationStep.TrainTokenizer, tokenizerInputs);
        if (tokenizerReady && Stamp.IsCurrent(folder, PreparationStep.Tokenize, tokenInputs))
        {
            progress?.Report(new PreparationEvent.UpToDate(PreparationStep.Tokenize));
            return;
        }

        Step(PreparationStep.Extract, textInputs, texts, $"text → {Path.Combine(folder, "text")}", report => Extract(prepare, folder, report, stop));
        var model = tokenizerPath ?? Path.Combine(folder, TokenizerModel);
        if (tokenizerPath is null)
        {
            Step(
                PreparationStep.TrainTokenizer, tokenizerInputs, [TokenizerModel], $"{Path.Combine(folder, TrainText)} → {model}, {prepare.VocabSize} pieces",
                _ => TrainTokenizer(prepare, folder, stop));
        }

        Step(
            PreparationStep.Tokenize, tokenInputs, prepare.HeldOut > 0 ? [TrainTokens, TrainTokens + ".meta", ValidTokens, ValidTokens + ".meta"] : [TrainTokens, TrainTokens + ".meta"],
            $"text → {Path.Combine(folder, TrainTokens)}", report => Tokens(folder, model, texts, report, stop));

        void Step(PreparationStep step, string inputs, IReadOnlyList<string> outputs, string what, Func<Action<double>, string> work)
        {
            if (Stamp.IsCurrent(folder, step, inputs))
            {
                progress?.Report(new PreparationEvent.UpToDate(step));
                return;
            }

            progress?.Report(new PreparationEvent.Started(step, what));
            var clock = Stopwatch.GetTimestamp();
            foreach (var name in outputs.Select(name => Path.Combine(folder, name)))
            {
                MakeFolderOf(name);
            }

            Stamp.Remove(folder, step);
            var result = work(fraction => progress?.Report(new PreparationEvent.Progress(step, fraction)));
            Stamp.Write(folder, step, inputs, outputs);
            progress?.Report(new PreparationEvent.Finished(step, result, Stopwatch.GetElapsedTime(clock).TotalSeconds));
        }
    }

    private static string TextInputs(PrepareConfig prepare)
    {
        var options = string.Create(CultureInfo.InvariantCulture, $"source {prepare.Source}, held out {prepare.HeldOut}, at most {prepare.MaxDocuments} documents");
        // A person's own files are taken anew when they change. The documentation of the SDK is taken once: an update of the
        // SDK must not change the data of a run that is under way.
        return prepare.Source == "text"
            ? options + "\n" + string.Join("\n", InputFiles(prepare).Select(path => new FileInfo(path)).Select(file => $"{file.FullName} {file.Length} {file.LastWriteTimeUtc:O}"))
            : options;
    }

    private static string TokenizerInputs(PrepareConfig prepare, string textInputs) => string.Create(
        CultureInfo.InvariantCulture,
        $"{textInputs}\n{prepare.TokenizerType} of {prepare.VocabSize} pieces, coverage {prepare.CharacterCoverage}, at most {prepare.TokenizerSentences} sentences");

    private static IReadOnlyList<string> InputFiles(PrepareConfig prepare)
    {
        var input = prepare.Input!;
        if (File.Exists(input))
        {
            return [input];
        }

        var found = Directory.Exists(input)
            ? Directory.EnumerateFiles(input, "*", SearchOption.AllDirectories).Where(path => Path.GetExtension(path) is ".txt" or ".jsonl").Order(StringComparer.Ordinal).ToArray()
            : throw new DataException(input, "there is no such file or folder", "prepare.input must name a .txt or .jsonl file, or a folder of such files", "correct prepare.input");
        return found.Length > 0
            ? found
            : throw new DataException(input, "no .txt and no .jsonl file in this folder or below it", "prepare.input must hold text", "correct prepare.input");
    }

    private static string Extract(PrepareConfig prepare, string folder, Action<double> report, CancellationToken stop)
    {
        var (train, valid) = (Path.Combine(folder, TrainText), Path.Combine(folder, ValidText));
        if (prepare.Source == "sdk-docs")
        {
            var options = new SdkDocsOptions { HeldOut = prepare.HeldOut, MaxDocuments = prepare.MaxDocuments };
            var docs = SdkDocs.Extract(options, train, valid, new Each<SdkDocsProgress>(at => report(Share(at.Bytes, at.TotalBytes))), stop);
            return $"{docs.Train:N0} training and {docs.Valid:N0} held-out documents, {docs.TextBytes / 1e6:F1} MB";
        }

        var split = TextSplit.Run(
            InputFiles(prepare), prepare.HeldOut, prepare.MaxDocuments, train, valid, new Each<(long Bytes, long Total)>(at => report(Share(at.Bytes, at.Total))), stop);
        return $"{split.Train:N0} training and {split.Valid:N0} held-out documents";
    }

    private static string TrainTokenizer(PrepareConfig prepare, string folder, CancellationToken stop)
    {
        var options = new SentencePieceOptions
        {
            VocabSize = prepare.VocabSize,
            Algorithm = prepare.TokenizerType,
            CharacterCoverage = prepare.CharacterCoverage,
            MaxLines = checked((int)prepare.TokenizerSentences),
        };
        SentencePieceTrainer.Train(options, TextFiles.Documents(Path.Combine(folder, TrainText)), Path.Combine(folder, TokenizerPrefix), null, stop);
        return $"{prepare.VocabSize:N0} pieces";
    }

    private static string Tokens(string folder, string model, IReadOnlyList<string> texts, Action<double> report, CancellationToken stop)
    {
        using var tokenizer = TokenizerFiles.Open(model);
        var sizes = texts.Select(text => new FileInfo(Path.Combine(folder, text)).Length).ToArray();
        long before = 0, tokens = 0;
        foreach (var (text, size) in texts.Zip(sizes))
        {
            var done = before;
            var options = new TokenizeOptions
            {
                Inputs = [Path.Combine(folder, text)],
                Output = Path.Combine(folder, text == TrainText ? TrainTokens : ValidTokens),
                // Documents get the marks that the vocabulary has: Qwen's has no beginning.
                AddBos = tokenizer.BosId is not null,
                AddEos = tokenizer.EosId is not null,
            };
            tokens += Tokenize.Run(options, tokenizer, new Each<TokenizeProgress>(at => report(Share(done + at.Bytes, sizes.Sum()))), stop).Tokens;
            before += size;
        }

        return $"{tokens:N0} tokens";
    }

    private static double Share(long part, long whole) => whole > 0 ? Math.Min(1, (double)part / whole) : 1;

    private static void MakeFolderOf(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException(folder, $"the folder cannot be made: {error.Message}", "prepared data must be written somewhere", "give permission or set prepare.folder", error);
        }
    }

    // Reports at once, on the thread that works: System.Progress would post to other threads, out of order.
    private sealed class Each<T>(Action<T> act) : IProgress<T>
    {
        public void Report(T value) => act(value);
    }
}
