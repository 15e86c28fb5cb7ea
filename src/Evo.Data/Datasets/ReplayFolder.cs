using System.Buffers.Binary;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Evo.Data;

/// <summary>
/// The very rows that another run has read, stored step by step: InternEvo's mocked data. A folder holds
/// <c>tokens_step{step}_dp{rank}.pt</c> and <c>labels_step{step}_dp{rank}.pt</c> for each step from 0 and each of the storing
/// run's data-parallel ranks from 0: tensors of [rows, seq_len] that torch.save wrote. The global batch of a step is its ranks'
/// rows one after the other, whatever ranks read it now. Labels are stored as they were, and not made from tokens.
/// </summary>
public sealed partial class ReplayFolder
{
    private readonly string path;
    private readonly int seqLen;
    private readonly List<(string[] Tokens, string[] Labels)> steps = [];
    private (long Step, int[] Tokens, int[] Labels)? newest;

    /// <summary>Steps that are stored.</summary>
    public int StepCount => steps.Count;

    /// <summary>Sequences of each step, over all ranks.</summary>
    public int Sequences { get; }

    /// <summary>Which data this is; files are hashed whole.</summary>
    public DataFingerprint Fingerprint { get; }

    /// <summary>Opens a folder and reads its first step. Throws <see cref="DataException"/> where a file is missing or damaged.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="seqLen">Tokens of a sequence.</param>
    public ReplayFolder(string path, int seqLen)
    {
        (this.path, this.seqLen) = (path, seqLen);
        var files = Find();
        for (var step = 0; step <= files.Keys.Max(file => file.Step); step++)
        {
            var ranks = files.Keys.Where(file => file.Step == step).Select(file => file.Rank).DefaultIfEmpty(0).Max() + 1;
            string[] Of(string kind) => [.. Enumerable.Range(0, ranks).Select(rank => files.TryGetValue((kind, step, rank), out var name)
                ? name
                : throw new DataException(path, $"no {kind}_step{step}_dp{rank}.pt", "tokens and labels of every step and rank must be there", "copy the missing file"))];
            steps.Add((Of("tokens"), Of("labels")));
        }
        Fingerprint = new([.. files.Values.Order(StringComparer.Ordinal).Select(Print)]);
        Sequences = Load(0).Tokens.Length / seqLen;
    }

    /// <summary>Copies sequences of a step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="sequence">The first sequence.</param>
    /// <param name="tokens">Where ids go: whole sequences.</param>
    /// <param name="labels">Where labels go; what is not learned is <see cref="TokenRow.Ignored"/>.</param>
    public void Read(long step, int sequence, Span<int> tokens, Span<int> labels)
    {
        if (step < 0 || step >= StepCount)
            throw new DataException(path, $"step {step} is asked for", $"steps 0 to {StepCount - 1} are stored", $"set data.total_steps to {StepCount} or less");
        var loaded = Load(step);
        loaded.Tokens.AsSpan(sequence * seqLen, tokens.Length).CopyTo(tokens);
        loaded.Labels.AsSpan(sequence * seqLen, labels.Length).CopyTo(labels);
    }

    private (long Step, int[] Tokens, int[] Labels) Load(long step)
    {
        if (newest is { } known && known.Step == step) return known;
        var (tokens, labels) = (Join(steps[(int)step].Tokens), Join(steps[(int)step].Labels));
        if (tokens.Length != labels.Length || Sequences > 0 && tokens.Length != (long)Sequences * seqLen)
            throw new DataException(System.IO.Path.Combine(path, steps[(int)step].Tokens[0]), $"step {step} has {tokens.Length} tokens and {labels.Length} labels",
                Sequences > 0 ? $"each step must have as many as step 0, {(long)Sequences * seqLen}" : "there must be a label for each token");
        // As InternEvo's loader takes them: signs of tokens are dropped, and labels that are not positive are not learned.
        for (var i = 0; i < tokens.Length; i++) (tokens[i], labels[i]) = (Math.Abs(tokens[i]), labels[i] > 0 ? labels[i] : TokenRow.Ignored);
        newest = (step, tokens, labels);
        return newest.Value;
    }

    private int[] Join(string[] names) => [.. names.SelectMany(name => Numbers(System.IO.Path.Combine(path, name)))];

    private int[] Numbers(string file)
    {
        using var opened = TorchFile.OpenTensor(file);
        var tensor = opened.Tensors[0];
        var width = tensor.Type == SafeTensorType.I64 ? 8 : tensor.Type == SafeTensorType.I32 ? 4
            : throw new DataException(file, $"a tensor of {tensor.Type}", "ids must be I64 or I32");
        if (tensor.Shape.Count != 2 || tensor.Shape[1] != seqLen || tensor.ByteCount > int.MaxValue)
            throw new DataException(file, $"a tensor of [{string.Join(", ", tensor.Shape)}]", $"it must be [rows, data.seq_len = {seqLen}]", "set data.seq_len to that of the run that stored it");
        var bytes = new byte[tensor.ByteCount];
        opened.Read(tensor, 0, bytes);
        var numbers = new int[bytes.Length / width];
        for (var i = 0; i < numbers.Length; i++)
        {
            var number = width == 8 ? BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(i * 8)) : BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(i * 4));
            numbers[i] = number is > int.MinValue and <= int.MaxValue ? (int)number
                : throw new DataException(file, $"the number {number} at place {i}", "ids have 32 bits");
        }
        return numbers;
    }

    private Dictionary<(string Kind, int Step, int Rank), string> Find()
    {
        try
        {
            var found = new Dictionary<(string, int, int), string>();
            foreach (var name in Directory.EnumerateFiles(path).Select(System.IO.Path.GetFileName))
                if (FileName().Match(name!) is { Success: true } match
                    && int.TryParse(match.Groups["step"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var step)
                    && int.TryParse(match.Groups["rank"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var rank))
                    found[(match.Groups["kind"].Value, step, rank)] = name!;
            return found.Count > 0 ? found
                : throw new DataException(path, "no tokens_step0_dp0.pt", "mocked data is stored in files tokens_step{step}_dp{rank}.pt and labels_step{step}_dp{rank}.pt");
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }

    private FileFingerprint Print(string name)
    {
        var file = System.IO.Path.Combine(path, name);
        using var map = new MappedFile(file);
        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        const int piece = 1 << 24;
        for (var at = 0L; at < map.Length; at += piece) hash.AppendData(map.Span(at, (int)Math.Min(piece, map.Length - at)));
        return new(name, map.Length, Convert.ToHexStringLower(hash.GetCurrentHash())[..32]);
    }

    [GeneratedRegex(@"^(?<kind>tokens|labels)_step(?<step>\d{1,9})_dp(?<rank>\d{1,6})\.pt$")]
    private static partial Regex FileName();
}
