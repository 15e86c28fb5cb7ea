using Evo.Core;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>Where the figures of every update go: <c>metrics.jsonl</c>, TensorBoard's event files under the same names, and whoever asks for them.</summary>
internal sealed class StepRecords : IDisposable
{
    private readonly MetricsFile metrics;
    private readonly EventFile? events;
    private readonly MetricsEndpoint? endpoint;

    /// <summary>Opens both for a run that stands where <paramref name="state"/> says.</summary>
    /// <exception cref="CheckpointException">The metrics cannot be written.</exception>
    /// <exception cref="DataException">The event files cannot be written.</exception>
    /// <exception cref="TrainingException">Nobody can be answered at <c>monitor.prometheus</c>.</exception>
    internal StepRecords(RunConfig config, TrainState state)
    {
        metrics = new(Path.Combine(config.Folder, "metrics.jsonl"), state.Step);
        try
        {
            events = config.EnableTb ? new(config.EventFolder, state.Updates + 1) : null;
            endpoint = config.Monitor.Prometheus is { Port: > 0 } prometheus ? new(prometheus, config.JobName) : null;
            events?.Text(0, "config", $"```json\n{config.ToJson()}\n```");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Adds the figures of an update.</summary>
    internal void Append(StepReport report)
    {
        metrics.Append(report.ToJson());
        endpoint?.Show(report);
        events?.Scalars(report.Step, report.Metrics.Select(metric => (Tag(metric.Item1), metric.Item2)));
    }

    /// <summary>Waits until all figures of <c>metrics.jsonl</c> are on the disk.</summary>
    internal void Sync() => metrics.Sync();

    /// <inheritdoc/>
    public void Dispose()
    {
        metrics.Dispose();
        events?.Dispose();
        endpoint?.Dispose();
    }

    // InternEvo has the figures of validation sets as val/{name}_loss and val/{name}_acc.
    private static string Tag(string metric) => metric.Split('/') switch
    {
        ["valid_loss" or "valid_acc"] => $"val/{metric}",
        ["valid_loss" or "valid_acc", .. var type] => $"val/{string.Join('/', type)}_{metric["valid_".Length..metric.IndexOf('/')]}",
        _ => metric,
    };
}
