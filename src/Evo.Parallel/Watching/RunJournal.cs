using System.Diagnostics;
using Evo.Core;

namespace Evo.Parallel;

/// <summary>
/// Follows a run for whoever is not there: every rank keeps a log, the first one also sends alerts and looks for stalls while
/// nothing happens.
/// </summary>
internal sealed class RunJournal : IDisposable
{
    private readonly RunConfig config;
    private readonly bool leads;
    private readonly RankLog log;
    private readonly AlertSender? sender;
    private readonly Lock gate = new();
    private readonly long began = Stopwatch.GetTimestamp();
    private Timer? ticks;
    private AlertWatch watch;

    /// <summary>Begins the log of a rank.</summary>
    internal RunJournal(RunConfig config, RankWorld world, Core.Layout layout)
    {
        (this.config, leads) = (config, world.Rank == 0);
        log = new(config.Folder, world.Rank);
        log.Write($"rank {world.Rank} of {world.Size} begins on {Environment.MachineName}, process {Environment.ProcessId}");
        watch = AlertWatch.Begin(Rules, 0, Now);
        if (leads)
        {
            Append("environment.jsonl", EnvironmentRecord.Line(layout));
            var hooks = AlertHook.Of(config.Monitor.Alert);
            sender = hooks.Count > 0 ? new(hooks, reason => log.Write($"an alert was not delivered: {reason}")) : null;
        }
    }

    /// <summary>The first step is about to begin: from now on steps are expected to end.</summary>
    internal void Begin(long step)
    {
        lock (gate)
        {
            watch = AlertWatch.Begin(Rules, step, Now);
        }

        if (leads)
        {
            // Often enough to tell a stall not long after it is one.
            var every = TimeSpan.FromSeconds(Math.Clamp(config.Monitor.Alert.StallSeconds / 4, 0.05, 15));
            ticks = new(_ => See(() => watch.Waited(Now)), null, every, every);
        }
    }

    /// <summary>The last step has ended: what follows takes the time that it takes.</summary>
    internal void End() => ticks?.Dispose();

    /// <summary>Something happened.</summary>
    internal void See(TrainEvent happened)
    {
        switch (happened)
        {
            case TrainEvent.StepDone { Report: var report }:
                if (report.Step % config.Train.LogEvery == 0)
                {
                    log.Write(FormattableString.Invariant($"step {report.Step}: loss {report.Loss:0.0000}, grad_norm {report.GradNorm:0.000}, lr {report.Lr:0.###e0}, {report.StepSeconds:0.000} s, {report.Throughput.LastTgs1:0} tokens/s"));
                }

                See(() => watch.Updated(report.Step, report.Loss, Now));
                break;
            case TrainEvent.StepSkipped skipped:
                log.Write(skipped.ToString());
                See(() => watch.Skipped(skipped.Step, skipped.Parameter, skipped.Found, Now));
                break;
            case TrainEvent.Preparing or TrainEvent.MemoryMeasured or TrainEvent.MemoryProfiled or TrainEvent.StepProfiled or TrainEvent.PipelineMeasured:
                break; // shown elsewhere, at length
            default:
                log.Write(happened.ToString());
                break;
        }
    }

    /// <summary>The run ends by an error.</summary>
    internal void Failed(Exception error)
    {
        log.Write(error.ToString());
        Tell([Alert.NewFailure(watch.LastStep, error.Message.ReplaceLineEndings(" "))]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ticks?.Dispose();
        sender?.Dispose();
        log.Write("the rank ends");
        log.Dispose();
    }

    private void Append(string file, string line)
    {
        try
        {
            File.AppendAllText(Path.Combine(config.Folder, file), line + "\n");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            log.Write($"{file} cannot be written: {error.Message}");
        }
    }

    private AlertRules Rules => new(config.Monitor.Alert.SpikeRatio, config.Monitor.Alert.StallSeconds);

    private double Now => Stopwatch.GetElapsedTime(began).TotalSeconds;

    private void See(Func<(AlertWatch, IReadOnlyList<Alert>)> next)
    {
        IReadOnlyList<Alert> alerts;
        lock (gate)
        {
            (watch, alerts) = next();
        }

        Tell(alerts);
    }

    private void Tell(IReadOnlyList<Alert> alerts)
    {
        foreach (var alert in leads ? alerts : [])
        {
            log.Write($"alert, {alert.Kind}: {alert.Text}");
            sender?.Send(AlertMessage.Of(config.JobName, alert));
        }
    }
}
