namespace Evo.Parallel;

/// <summary>An assembly that was to bring models cannot: which one, and why.</summary>
public sealed class ModelAssemblyException : Exception
{
    /// <summary>Makes the error.</summary>
    /// <param name="path">The file as it was looked for.</param>
    /// <param name="problem">What is wrong with it, and what would be right.</param>
    /// <param name="inner">What was thrown, if anything was.</param>
    public ModelAssemblyException(string path, string problem, Exception? inner = null)
        : base($"{path}: {problem}", inner) => (Path, Problem) = (path, problem);

    /// <summary>The file as it was looked for.</summary>
    public string Path { get; }

    /// <summary>What is wrong with it, and what would be right.</summary>
    public string Problem { get; }
}
