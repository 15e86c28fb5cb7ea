using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>The rows that another run has stored, step by step, to compare two runs on the very same batches.</summary>
internal sealed class ReplayedRows : IRowLine
{
    private readonly ReplayFolder folder;
    private readonly DataConfig data;
    private readonly int vocabSize, rowsPerStep;

    /// <param name="data">Sizes; the stored steps must have the same.</param>
    /// <param name="path">The folder.</param>
    /// <param name="vocabSize">Entries of the model's vocabulary.</param>
    /// <param name="rowsPerStep">Rows of a step, over all ranks.</param>
    /// <exception cref="DataException">A file is missing or damaged, or steps are too few or of another size.</exception>
    internal ReplayedRows(DataConfig data, string path, int vocabSize, int rowsPerStep)
    {
        (this.data, this.vocabSize, this.rowsPerStep) = (data, vocabSize, rowsPerStep);
        folder = new(path, data.SeqLen);
        if (folder.Sequences != rowsPerStep * data.MicroBsz)
        {
            throw new DataException(
                path, $"{folder.Sequences} sequences a step", $"a step of this run reads {rowsPerStep} rows of data.micro_bsz = {data.MicroBsz} sequences",
                "set micro_bsz, and micro_num or rows_per_step, so that the step has as many");
        }

        if (data.TotalSteps > folder.StepCount)
        {
            throw new DataException(path, $"{folder.StepCount} stored steps", $"data.total_steps = {data.TotalSteps} asks for more", $"set it to {folder.StepCount} or less");
        }
    }

    public long Tokens => Rows * data.RowTokens;

    public long Rows => (long)folder.StepCount * rowsPerStep;

    public double Padding => 0;

    public IReadOnlyList<string> Types { get; } = ["."];

    public DataFingerprint Fingerprint => folder.Fingerprint;

    public TokenRow At(long position)
    {
        var (step, row) = Math.DivRem(position, rowsPerStep);
        var (tokens, labels) = (new int[data.RowTokens], new int[data.RowTokens]);
        folder.Read(step, (int)row * data.MicroBsz, tokens, labels);
        var largest = tokens.Concat(labels).Max();
        if (largest >= vocabSize)
        {
            throw new DataException(
                $"step {step} of the mocked data", $"token id {largest}", $"the vocabulary has {vocabSize} tokens, so ids are below {vocabSize}",
                "set model.vocab_size to that of the run that stored it");
        }

        return new()
        {
            Tokens = tokens,
            Labels = labels,
            Positions = [.. tokens.Select((_, i) => i % data.SeqLen)],
            CuSeqlens = [.. Enumerable.Range(0, data.MicroBsz + 1).Select(i => i * data.SeqLen)],
            Types = new int[data.RowTokens],
        };
    }

    public IEnumerable<TokenRow> Once()
    {
        for (long position = 0; position < Rows; position++)
        {
            yield return At(position);
        }
    }

    public void Dispose()
    {
    }
}
