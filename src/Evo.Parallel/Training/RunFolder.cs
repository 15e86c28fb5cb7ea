using System.Globalization;

namespace Evo.Parallel;

/// <summary>The folder of one run and the names in it: <c>config.json</c>, <c>metrics.jsonl</c>, <c>checkpoints/&lt;step&gt;/</c>.</summary>
public sealed class RunFolder
{
    /// <param name="root">Folder of all runs, normally <c>runs</c>.</param>
    /// <param name="jobName">The run's name; becomes one folder name.</param>
    /// <param name="checkpoints">Where its checkpoints go; null: inside the run folder.</param>
    public RunFolder(string root, string jobName, string? checkpoints = null)
    {
        Path = System.IO.Path.Combine(root, jobName);
        Checkpoints = checkpoints ?? System.IO.Path.Combine(Path, "checkpoints");
    }

    /// <summary>The run folder itself.</summary>
    public string Path { get; }

    /// <summary>The folder that holds one folder per checkpoint.</summary>
    public string Checkpoints { get; }

    /// <summary>The configuration as run.</summary>
    public string Config => System.IO.Path.Combine(Path, "config.json");

    /// <summary>One JSON object per step.</summary>
    public string Metrics => System.IO.Path.Combine(Path, "metrics.jsonl");

    /// <summary>Where the checkpoint after <paramref name="step"/> steps stands.</summary>
    public string Checkpoint(long step) =>
        System.IO.Path.Combine(Checkpoints, step.ToString(CultureInfo.InvariantCulture));
}
