namespace Evo.Models;

/// <summary>A model description cannot be used: everything wrong with it, in one line each.</summary>
public sealed class ModelConfigException : Exception
{
    /// <summary>Every problem found.</summary>
    public IReadOnlyList<string> Problems { get; }

    /// <summary>Where: a file, a section, or a model's name.</summary>
    public string Where { get; }

    /// <summary>Makes the error; the message lists all problems.</summary>
    public ModelConfigException(string source, IReadOnlyList<string> problems)
        : base(problems.Count == 1
            ? $"{source}: {problems[0]}"
            : $"{source}: {problems.Count} problems\n" + string.Join("\n", problems.Select(p => "  " + p)))
    {
        Problems = problems;
        Where = source;
    }
}
