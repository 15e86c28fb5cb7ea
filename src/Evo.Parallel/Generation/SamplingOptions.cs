namespace Evo.Parallel;

/// <summary>How the next token is chosen. The default is greedy: the most probable one, the lowest id on a tie.</summary>
public sealed record SamplingOptions
{
    /// <summary>Greedy decoding.</summary>
    public static SamplingOptions Greedy { get; } = new();

    /// <summary>Tokens to write at most.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>Logits are divided by it; 0 is greedy.</summary>
    public double Temperature { get; init; }

    /// <summary>Only the k most probable tokens are kept; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the most probable tokens whose probabilities reach this sum are kept (at least one); 1 keeps all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Seed of the draws. The draw at position i depends on (seed, i) alone.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether the end-of-sequence token ends the text.</summary>
    public bool StopAtEos { get; init; } = true;

    /// <summary>Every problem of these options, empty if there is none.</summary>
    public IReadOnlyList<string> Problems()
    {
        List<string> problems = [];
        if (MaxNewTokens < 1)
        {
            problems.Add($"max new tokens = {MaxNewTokens}: at least one token must be written; use 1 or more");
        }

        if (!(Temperature >= 0) || double.IsInfinity(Temperature))
        {
            problems.Add($"temperature = {Temperature}: must be a finite number of 0 or more; 0 is greedy");
        }

        if (TopK < 0)
        {
            problems.Add($"top-k = {TopK}: must be 0 (keep all) or more");
        }

        if (!(TopP > 0 && TopP <= 1))
        {
            problems.Add($"top-p = {TopP}: must lie in (0, 1]; 1 keeps all");
        }

        return problems;
    }
}
